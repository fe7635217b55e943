import { join } from "node:path"
import { inShort, once, PeerMissing, peersCode, peersFolder, runStep } from "./once.ts"

/** Where Emmett and the peer's program are. */
export interface EmmettPeer {
  readonly program: string
}

const code = join(peersCode, "emmett")

/** Installs Emmett beside the peer's program, once. Throws {@link PeerMissing} when npm cannot. */
export const obtainEmmett = async (): Promise<EmmettPeer> => {
  await once({
    name: "emmett",
    files: [join(code, "package.json"), join(code, "package-lock.json")],
    result: join(code, "node_modules", "@event-driven-io", "emmett-postgresql"),
    work: () => runStep("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", code], code),
  }).catch((error: unknown) => {
    throw new PeerMissing(
      `Emmett could not be installed (${inShort(error)}): run \`npm ci --ignore-scripts --prefix bench/peers/emmett\`; the log is ${join(peersFolder, "set-up.log")}`,
    )
  })
  return { program: join(code, "emmett.mjs") }
}
