// Starts every part in a folder, says so with one line, and holds them until it is killed.
import { startAnvil } from "../parts/anvil.ts"
import { startBitcoind } from "../parts/bitcoind.ts"
import { startKafka } from "../parts/kafka.ts"
import { startPostgres } from "../parts/postgres.ts"

const folder = process.argv[2]
if (folder === undefined) throw new Error("usage: hold-parts.ts FOLDER")
const parts = await Promise.all([
  startKafka({ dir: `${folder}/kafka` }),
  startPostgres({ dir: `${folder}/postgres`, settings: { fsync: "off" } }),
  startBitcoind({ dir: `${folder}/bitcoind`, fundMiner: false }),
  startAnvil({ dir: `${folder}/anvil` }),
])
console.log(JSON.stringify(parts.map(({ pid }) => pid)))
setInterval(() => {}, 60_000)
