import { once } from "node:events"
import { PassThrough, type Readable } from "node:stream"

/** An answer that is written while it is made; a handler of a route with `streams` may return one. */
export class Streamed {
  readonly contentType: string
  readonly headers: { readonly [name: string]: string }
  readonly body: Readable

  constructor(contentType: string, headers: { readonly [name: string]: string }, body: Readable) {
    this.contentType = contentType
    this.headers = headers
    this.body = body
  }
}

/** Whoever asked has gone before the end of the answer: nobody's fault, and nobody hears of it. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone"
}

/** Where a producer writes; resolves when there is room for more, rejects when the reader has gone. */
export type Write = (text: string) => Promise<void>

/**
 * A stream that the producer fills as fast as it is read, and no faster. The producer's `signal` aborts when the reader
 * goes away; what it throws breaks the stream off, so that a reader cannot take a part for the whole.
 */
export const produced = (
  produce: (write: Write, signal: AbortSignal) => Promise<void>,
  bufferBytesMax: number,
): Readable => {
  const gone = new AbortController()
  const stream = new PassThrough({ highWaterMark: bufferBytesMax })
  stream.on("close", () => gone.abort(new ReaderGone("the reader of the stream has gone")))
  const write: Write = async (text) => {
    gone.signal.throwIfAborted()
    if (!stream.write(text)) await once(stream, "drain", { signal: gone.signal })
  }
  produce(write, gone.signal).then(
    () => stream.end(),
    (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
  )
  return stream
}
