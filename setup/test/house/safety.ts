import { posix } from "node:path"
import { isSource } from "./layers.ts"
import { codeOf, importsOf, textsOf } from "./scan.ts"

/** The one file that may begin a transaction. */
const transactionWrapper = "adapters/src/postgres/transaction.ts"

// `rows.begin` starts a row of a binary COPY, not a transaction.
const beginCall = /(?<!\brows)\??\s*\.\s*begin\s*\(/
const beginTaken = /\{[^{}]*\bbegin\b[^{}]*\}\s*=/
const beginByName = /\[\s*["'`]begin["'`]\s*\]/
const beginStatement =
  /^[`"']\s*(?:begin\b(?!\w)(?:\s*;|\s+(?:transaction|work|isolation|read|deferrable|not)\b|\s*[`"']$)|start\s+transaction\b)/i

/** Transactions that go past the one wrapper that survives a dying backend. */
export const transactionProblems = (path: string, text: string): ReadonlyArray<string> => {
  if (!isSource(path) || path === transactionWrapper) return []
  const code = codeOf(text)
  const called = beginCall.test(code) || beginTaken.test(code) || beginByName.test(text)
  const stated = textsOf(text).some((literal) => beginStatement.test(literal))
  return called || stated ? [`begins a transaction: only ${transactionWrapper} may`] : []
}

/** What signs, sends or holds a key, in the words of bitcoind, EVM nodes and their libraries. */
const moving =
  /sendrawtransaction|sendtoaddress|sendmany|\bsendall\b|signrawtransaction|signmessagewithprivkey|walletpassphrase|walletprocesspsbt|walletcreatefundedpsbt|fundrawtransaction|createrawtransaction|finalizepsbt|bumpfee|submitpackage|dumpprivkey|importprivkey|sethdseed|eth_send\w*|eth_sign\w*|personal_\w+|wallet_send\w*|createWalletClient|privateKeyToAccount|sendTransaction\b|signTransaction|(?<!disable_)private_?key(?!s_enabled)|mnemonic/i

/** Sandbox and chaos play the senders, and the set-up starts the real parts; everything else only watches. */
const mayMove = /^(?:apps\/(?:sandbox|chaos)|setup|bench)\//

/** Words of signing or sending in a file that may only watch; comments count, so that nobody has to read them twice. */
export const watchOnlyProblems = (path: string, text: string): ReadonlyArray<string> => {
  if (!isSource(path) || mayMove.test(path)) return []
  const found = moving.exec(text)?.[0]
  return found === undefined ? [] : [`can move money or hold a key: ${found}`]
}

/** The one file that may ask other systems over HTTP: it fixes the host and bounds bytes, depth, time and calls at once. */
const wayOut = "adapters/src/net/exchange.ts"

const asking = /(?<![.\w])fetch\s*\(|\bcreatePublicClient\b|\bcreateClient\b|\bEventSource\b|\bWebSocket\b/
const askingModules: ReadonlySet<string> = new Set(
  ["http", "https", "http2"]
    .flatMap((name) => [name, `node:${name}`])
    .concat("undici", "axios", "got", "request"),
)

/** Requests to other systems that go past the one way out. */
export const outgoingProblems = (path: string, text: string): ReadonlyArray<string> => {
  if (!isSource(path) || mayMove.test(path) || path === wayOut) return []
  const imported = importsOf(text).find((name) => name !== null && askingModules.has(name))
  const found = imported ?? asking.exec(codeOf(text))?.[0]
  return found === undefined ? [] : [`asks another system by itself (${found}): only ${wayOut} may`]
}

/** The files that may listen: every limit, check and header of our own services is put on there. */
const waysIn: ReadonlySet<string> = new Set(["adapters/src/http/app.ts", "adapters/src/http/start.ts"])

const listening = /\bfastify\s*\(|\bcreateServer\s*\(|\bnew\s+Server\s*\(|\.\s*listen\s*\(/

/** What others could connect to past the one way in. */
export const incomingProblems = (path: string, text: string): ReadonlyArray<string> => {
  if (!isSource(path) || mayMove.test(path) || waysIn.has(path)) return []
  const found = listening.exec(codeOf(text))?.[0]
  return found === undefined
    ? []
    : [`lets others connect by itself (${found}): only adapters/src/http/ may, behind its checks`]
}

/** The modules that know of funding observations. */
const observing = /(?:^|\/)(?:funding-[a-z-]+|funding|uncredited)(?:\.ts|\/|$)/

const computesInventory = (path: string): boolean =>
  isSource(path) && (path.startsWith("apps/inventory-sync/") || posix.basename(path).includes("inventory"))

/** Imports of funding observations in code that computes what is spendable. */
export const inventoryProblems = (path: string, text: string): ReadonlyArray<string> =>
  computesInventory(path)
    ? importsOf(text)
        .filter((name) => name !== null && observing.test(name))
        .map(
          (name) => `computes inventory and imports ${name}: an observation must never make funds spendable`,
        )
    : []

/** The file of the project that an import means; null for packages of others. */
const fileOf = (from: string, name: string): string | null => {
  if (name.startsWith(".")) return posix.join(posix.dirname(from), name)
  const own = /^@landfall\/(domain|projections|evaluators)\/(.+)$/.exec(name)
  return own === null ? null : `${own[1]}/src/${own[2]}.ts`
}

/** The ways by which pure code that computes inventory reaches funding observations through other files. */
export const inventoryReachProblems = (files: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const roots = [...files.keys()].filter(
    (path) => computesInventory(path) && /^(?:domain|projections|evaluators)\//.test(path),
  )
  return roots.flatMap((root) => {
    const seen = new Set<string>([root])
    for (const path of seen) {
      for (const name of importsOf(files.get(path) ?? "")) {
        const file = name === null ? null : fileOf(path, name)
        if (file !== null) seen.add(file)
      }
    }
    return [...seen]
      .filter((path) => observing.test(path))
      .map((path) => `${root}: computes inventory and reaches ${path} through what it imports`)
  })
}
