import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { once, orMissing, PeerMissing, peersFolder } from "../src/peers/once.ts"

/** A peer whose set-up is counted. */
const givenPeer = async () => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-peer-"))
  const name = `test-${process.pid}-${performance.now()}`
  onTestFinished(async () => {
    await rm(dir, { recursive: true, force: true })
    await rm(join(peersFolder, `${name}.stamp`), { force: true })
  })
  const [list, result] = [join(dir, "list"), join(dir, "result")]
  await writeFile(list, "one")
  const peer = { dir, list, result, works: 0, fails: false }
  const obtain = () =>
    once({
      name,
      files: [list],
      result,
      work: async () => {
        peer.works++
        if (peer.fails) throw new Error("no network")
        await writeFile(result, "there")
      },
    })
  return { ...peer, peer, obtain }
}

it("a peer is set up once, and again when its list changed or it is gone", async () => {
  const { peer, list, result, obtain } = await givenPeer()
  await obtain()
  await obtain()
  expect(peer.works).toBe(1)
  await writeFile(list, "two")
  await obtain()
  expect(peer.works).toBe(2)
  await rm(result)
  await obtain()
  expect(peer.works).toBe(3)
})

it("a set-up that failed is tried again", async () => {
  const { peer, obtain } = await givenPeer()
  peer.fails = true
  await expect(obtain()).rejects.toThrow("no network")
  peer.fails = false
  await obtain()
  expect(peer.works).toBe(2)
})

it("a peer that is not there is told with its reason, and any other error is thrown", async () => {
  expect(await orMissing(Promise.resolve("peer"))).toEqual({ peer: "peer" })
  expect(await orMissing(Promise.reject(new PeerMissing("install it")))).toEqual({ missing: "install it" })
  await expect(orMissing(Promise.reject(new TypeError("a bug")))).rejects.toThrow("a bug")
})
