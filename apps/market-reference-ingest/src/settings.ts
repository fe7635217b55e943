import { optional, withDefault } from "@landfall/adapters/config/field"
import { kafkaFields } from "@landfall/adapters/config/kafka-settings"
import { integer, oneOf, port, text, webUrl } from "@landfall/adapters/config/kinds"
import { namedList } from "@landfall/adapters/config/named-list"
import { serviceFields } from "@landfall/adapters/config/service-settings"
import { tickerShapes } from "@landfall/adapters/ticker/ticker"

/** A pair of the desk and what the ticker calls it. */
export interface PairSymbol {
  readonly pair: string
  readonly symbol: string
}

const pairs = namedList<PairSymbol>({
  accepted: "pairs and the ticker's symbols for them, as pair=symbol with commas between",
  example: "BTC/EURe=XXBTZEUR",
  parts: 2,
  // One answer must stay small, and every pair is an event a heartbeat.
  entries_max: 50,
  read: ([pair = "", symbol = ""]) =>
    /^[^/]+\/[^/]+$/.test(pair) ? { pair, symbol } : { problem: "a pair is base/quote, such as BTC/EURe" },
})

const [kraken, ...otherShapes] = tickerShapes.map(({ name }) => name)

/** The environment of market-reference-ingest. */
export const settingsTable = {
  ...serviceFields,
  HTTP_PORT: withDefault(port, "8085", "the port to listen on; 0 for a free one"),
  ...kafkaFields,
  KAFKA_TRANSACTIONAL_ID: withDefault(
    text,
    "landfall-market-reference-ingest",
    "the Kafka transactional id; a second instance with the same one ends the first",
  ),
  PRICE_URL: withDefault(webUrl, "https://api.kraken.com/0/public/Ticker", "the public ticker"),
  PRICE_FORMAT: withDefault(
    oneOf([kraken ?? "kraken", ...otherShapes]),
    "kraken",
    "the shape of the ticker's answers",
  ),
  PRICE_SOURCE: optional(text, "the name of the source in the records; the format's unless said"),
  PRICE_PAIRS: withDefault(pairs, "BTC/EURe=XXBTZEUR", "the pairs to read and the ticker's symbols for them"),
  PRICE_POLL_INTERVAL_MS: withDefault(
    integer({ min: 50, max: 600_000 }),
    "2000",
    "how long after a poll began the next begins",
  ),
  PRICE_HEARTBEAT_MS: withDefault(
    integer({ min: 50, max: 3_600_000 }),
    "10000",
    "after how long an unchanged price is published again; keep it well below the staleness window",
  ),
}
