import { bridgeRpc } from "../bridge/bridge-rpc.ts"
import { bitcoindRpc } from "../chain/bitcoin-rpc.ts"
import { esploraApi } from "../chain/esplora-api.ts"
import { evmRpc } from "../chain/evm-rpc.ts"
import { readBlock, readChainId } from "../chain/evm-schemas.ts"
import { type Endpoint, endpoint, endpointUrl } from "../config/endpoint.ts"
import { reveal } from "../config/secret.ts"
import { createJsonClient } from "../net/json-client.ts"
import { type Finding, findingsOf, wordsOf } from "./finding.ts"

/** What a look at a system gave: words about how it stands, or a fault with what to do. */
type Look = string | { readonly fault: string; readonly todo: string }

const examine = async (
  part: string,
  shown: string,
  variable: string,
  look: () => Promise<Look>,
): Promise<ReadonlyArray<Finding>> => {
  const { ok, wrong } = findingsOf(part)
  try {
    const seen = await look()
    return [
      typeof seen === "string"
        ? ok("reachable", `${shown}: ${seen}`)
        : wrong("in sync", seen.fault, seen.todo),
    ]
  } catch (error) {
    return [wrong("reachable", wordsOf(error), `start it, or set ${variable} to where it is`)]
  }
}

const esploraPrefix = "esplora+"

/** Whether a Bitcoin observer answers, and on which chain it is and how far. */
export const examineBitcoin = (url: Endpoint, network: string | null): Promise<ReadonlyArray<Finding>> =>
  examine("bitcoin", url.shown, "BITCOIN_OBSERVER_URL", async () => {
    if (endpointUrl(url).protocol.startsWith(esploraPrefix)) {
      const address = endpoint(reveal(url.url).slice(esploraPrefix.length))
      const [tip] = await esploraApi(createJsonClient({ name: "esplora", endpoint: address })).blocks()
      return `Esplora, at block ${tip.height}`
    }
    const info = await bitcoindRpc({ endpoint: url, wallet: "" }).call("getblockchaininfo")
    const { chain, blocks, headers, initialblockdownload } = info as Readonly<Record<string, unknown>>
    if (network !== null && chain !== network)
      return {
        fault: `it runs ${String(chain)}, and BITCOIN_NETWORK says ${network}`,
        todo: "set one of the two right",
      }
    if (initialblockdownload === true || Number(headers) > Number(blocks) + 1)
      return {
        fault: `it has ${String(blocks)} of ${String(headers)} blocks`,
        todo: "wait until it has them all: until then nothing is declared gone on its word",
      }
    return `${String(chain)}, at block ${String(blocks)}`
  })

/** Whether the EVM node answers, and on which chain it is and how far. */
export const examineEvm = (url: Endpoint, chainId: string | null): Promise<ReadonlyArray<Finding>> =>
  examine("gnosis", url.shown, "GNOSIS_OBSERVER_URL", async () => {
    const [chain, latest, syncing] = await evmRpc({ endpoint: url }).batch([
      { method: "eth_chainId", parameters: [] },
      { method: "eth_getBlockByNumber", parameters: ["latest", false] },
      { method: "eth_syncing", parameters: [] },
    ])
    const id = readChainId(chain)
    if (chainId !== null && String(id) !== chainId)
      return {
        fault: `it is on chain ${id}, and GNOSIS_CHAIN_ID says ${chainId}`,
        todo: "set one of the two right",
      }
    const head = readBlock(latest)
    if (head === null) return { fault: "it has no newest block", todo: "wait until it has read the chain" }
    if (syncing !== false)
      return {
        fault: `it is still reading the chain, at block ${head.height}`,
        todo: "wait: until then nothing is declared gone on its word",
      }
    return `chain ${id}, at block ${head.height}`
  })

/** Whether the bridge answers what it supports. */
export const examineBridge = (url: Endpoint): Promise<ReadonlyArray<Finding>> =>
  examine("bridge", url.shown, "BRIDGE_URL", async () => {
    const call = bridgeRpc(createJsonClient({ name: "the bridge", endpoint: url }))
    await call("supported_tokens", {})
    return "it answers"
  })
