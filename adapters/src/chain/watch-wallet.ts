import { BitcoindError, type BitcoindRpc } from "./bitcoin-rpc.ts"
import {
  answerReader,
  DescriptorInfo,
  Descriptors,
  Imports,
  WalletInfo,
  WalletNames,
} from "./bitcoin-schemas.ts"

/** An address to watch, and since when it may have received. */
export interface WatchedAddress {
  readonly address: string
  /** When the bridge issued it, in milliseconds since the epoch; null when that is not known. */
  readonly issued_at_ms: number | null
}

/** The descriptor wallet in bitcoind that watches the deposit addresses. It holds no key. */
export interface WatchWallet {
  /** Opens or makes the wallet, and learns which addresses it watches already. Harmless to repeat. */
  readonly open: () => Promise<void>
  /** Whether bitcoind is reading old blocks for the wallet. */
  readonly isScanning: () => Promise<boolean>
  readonly watches: (address: string) => boolean
  /**
   * Imports addresses that are not watched yet and has their blocks read from their issue on. Gives those that
   * bitcoind would not take, with its reason.
   */
  readonly watch: (addresses: ReadonlyArray<WatchedAddress>) => Promise<ReadonlyMap<string, string>>
}

const notFound = -18
const alreadyLoaded = -35

/** One import reads blocks once for all its addresses; more of them would make one call needlessly long. */
const importMax = 500
/** Checksums are cheap; this keeps one request well below a megabyte. */
const checksumsMax = 100
/** Reading blocks for an old address can take long; bitcoind goes on even when we stop to wait. */
const importTimeoutMs = 600_000

const readNames = answerReader("listwallets", WalletNames)
const readInfo = answerReader("getwalletinfo", WalletInfo)
const readDescriptors = answerReader("listdescriptors", Descriptors)
const readDescriptor = answerReader("getdescriptorinfo", DescriptorInfo)
const readImports = answerReader("importdescriptors", Imports)

/** The watch-only wallet of that name. */
export const watchWallet = (rpc: BitcoindRpc, name: string): WatchWallet => {
  const watched = new Set<string>()

  const load = async (): Promise<void> => {
    if (readNames(await rpc.call("listwallets")).includes(name)) return
    try {
      await rpc.call("loadwallet", [name, true])
    } catch (error) {
      if (!(error instanceof BitcoindError) || error.failure !== "refused") throw error
      if (error.code === alreadyLoaded) return
      if (error.code !== notFound) throw error
      const [withoutKeys, blank, passphrase, avoidReuse, descriptors, loadOnStartup] = [
        true,
        true,
        "",
        false,
        true,
        true,
      ]
      await rpc.call("createwallet", [
        name,
        withoutKeys,
        blank,
        passphrase,
        avoidReuse,
        descriptors,
        loadOnStartup,
      ])
    }
  }

  /** The descriptors with their checksums; an address of another chain has none. */
  const describe = async (
    addresses: ReadonlyArray<WatchedAddress>,
    refused: Map<string, string>,
  ): Promise<ReadonlyArray<WatchedAddress & { readonly desc: string }>> => {
    const described: Array<WatchedAddress & { readonly desc: string }> = []
    for (let from = 0; from < addresses.length; from += checksumsMax) {
      const part = addresses.slice(from, from + checksumsMax)
      const answers = await rpc.batch(
        part.map(({ address }) => ({ method: "getdescriptorinfo", parameters: [`addr(${address})`] })),
      )
      for (const [index, wanted] of part.entries()) {
        const answer = answers[index]
        if (answer instanceof BitcoindError) refused.set(wanted.address, answer.message)
        else described.push({ ...wanted, desc: readDescriptor(answer).descriptor })
      }
    }
    return described
  }

  return {
    open: async () => {
      await load()
      const info = readInfo(await rpc.call("getwalletinfo"))
      if (info.private_keys_enabled || !info.descriptors)
        throw new BitcoindError(
          "garbage",
          `the wallet ${JSON.stringify(name)} is not a watch-only descriptor wallet; Landfall holds no keys and does not use it. Configure another name.`,
        )
      watched.clear()
      for (const { desc } of readDescriptors(await rpc.call("listdescriptors")).descriptors) {
        const address = /^addr\(([^)]+)\)/.exec(desc)?.[1]
        if (address !== undefined) watched.add(address)
      }
    },
    isScanning: async () => {
      const { scanning } = readInfo(await rpc.call("getwalletinfo"))
      return scanning !== undefined && scanning !== false
    },
    watches: (address) => watched.has(address),
    watch: async (addresses) => {
      const refused = new Map<string, string>()
      const fresh = await describe(
        addresses.filter(({ address }) => !watched.has(address)),
        refused,
      )
      // The youngest first: most addresses are new, and then only the last ones need old blocks.
      const ordered = fresh.toSorted((left, right) => (right.issued_at_ms ?? 0) - (left.issued_at_ms ?? 0))
      for (let from = 0; from < ordered.length; from += importMax) {
        const part = ordered.slice(from, from + importMax)
        const requests = part.map(({ desc, issued_at_ms }) => ({
          desc,
          // bitcoind itself begins two hours earlier, and reads the mempool too.
          timestamp: issued_at_ms === null ? 0 : Math.floor(issued_at_ms / 1000),
        }))
        const imports = readImports(await rpc.call("importdescriptors", [requests], importTimeoutMs))
        for (const [index, { address }] of part.entries()) {
          const done = imports[index]
          if (done?.success === true) watched.add(address)
          else refused.set(address, done?.error?.message ?? "bitcoind did not say whether it took it")
        }
      }
      return refused
    },
  }
}
