import { once } from "node:events"
import type { Readable } from "node:stream"
import type postgres from "postgres"

type CopyQuery = postgres.PendingQuery<postgres.Row[]>

/**
 * What may wait for the server to take it. Where the thread has other work, too, it comes back to a stream that ran dry only
 * after that: with less than this the server would wait as often as it works.
 */
const aheadBytesMax = 4 * 1024 * 1024

/** Feeds a `copy … from stdin`; resolves when the server has taken every row, rejects with its word when it has not. */
export const copyInto = async (query: CopyQuery, chunks: Iterable<Uint8Array>): Promise<void> => {
  const refused = refusalOf(query)
  const stream = await Promise.race([query.writable(), refused])
  const finished = Promise.race([once(stream, "finish"), refused])
  finished.catch(() => {}) // awaited below; a failure while chunks are still written must not go unhandled
  for (const chunk of chunks)
    if (!stream.write(chunk) && stream.writableLength >= aheadBytesMax)
      await Promise.race([once(stream, "drain"), finished])
  stream.end()
  await finished
}

/**
 * Rejects when the server refuses the query. `postgres` 3.4.9 tells the stream of an error only until its last chunk was
 * sent; after that, when most errors come, it tells the query, which is settled and passes nothing on: without this, a
 * unique violation would be found out by the transaction's deadline.
 */
const refusalOf = (query: CopyQuery): Promise<never> => {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const settled = query as unknown as { reject: (error: unknown) => void } // not in the client's types
  const rejectQuery = settled.reject
  settled.reject = (error) => {
    reject(error)
    rejectQuery(error)
  }
  return promise
}

/**
 * The chunks of a `copy … to stdout`, each awaited through `guard`. When the loop over them ends early, the rest is read
 * and dropped, because the connection takes no other statement before.
 */
export async function* chunksOf(
  stream: Readable,
  guard: <Value>(promise: Promise<Value>) => Promise<Value>,
): AsyncGenerator<Buffer, void> {
  const chunks: AsyncIterator<Buffer> = stream.iterator({ destroyOnReturn: false })
  let ended = false
  const next = async (): Promise<IteratorResult<Buffer>> => {
    const result = await guard(chunks.next())
    ended = result.done === true
    return result
  }
  try {
    for (let chunk = await next(); !chunk.done; chunk = await next()) yield chunk.value
  } finally {
    while (!ended) await next()
    // `postgres` 3.4.9 pauses its socket when the stream is full and resumes it when the stream is read, but nobody reads
    // a stream that has ended: without this, a pause at the very end would be for ever.
    stream._read(0)
  }
}
