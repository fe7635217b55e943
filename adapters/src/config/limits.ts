/**
 * Every limit of the shell in one place, each with why it is what it is. Nothing that comes from outside,
 * and nothing that waits, is without one. Units stand last in the names.
 */
export const limits = {
  config: {
    /** Policies and secrets are small; a longer file is a wrong path. */
    file_chars_max: 1_048_576,
    /** A token is compared, never stored: 128 bits of hexadecimal text cannot be guessed over HTTP. */
    token_length_min: 16,
  },
  http: {
    /** No command takes more than a few fields; 64 KiB leaves room and still costs nothing to refuse. */
    body_bytes_max: 65_536,
    /** The longest legal query is a cursor and a few filters. Longer ones are refused before they are parsed. */
    url_chars_max: 2_048,
    /** A bearer token and the headers of a browser fit well; the parser of Node stops at the rest. */
    header_bytes_max: 16_384,
    /** A path parameter is an id, a hash or an address; 256 is the longest text that a record may carry. */
    path_parameter_chars_max: 256,
    /** A client that needs longer to send 64 KiB holds a connection on purpose. */
    request_timeout_ms: 10_000,
    /** Headers come in one packet or two; slower than this is a slow-loris. */
    headers_timeout_ms: 5_000,
    /** How often Node looks for requests over the two times above; its own 30 s would make them meaningless. */
    timeout_check_interval_ms: 1_000,
    /** A socket on which nothing moves. Longer than the longest answer may take. */
    connection_timeout_ms: 30_000,
    /** The longest query a page of audit rows should need; after that the client gets 503 and the work is cancelled. */
    handler_timeout_ms: 15_000,
    /** An export of a year's evidence over a slow line; it holds one of few places, and a transaction, that long at most. */
    stream_timeout_ms: 600_000,
    /** What waits in memory for a reader of an export that is slower than the database. */
    stream_buffer_bytes_max: 262_144,
    /** Longer than the usual 5 s polls, so that they keep their connection. */
    keep_alive_timeout_ms: 10_000,
    /** Dashboards, Prometheus, the CLI and probes together are tens; beyond this connections are dropped unread. */
    connections_max: 256,
    /** A connection is renewed now and then, so that one client cannot keep its place for ever. */
    requests_per_socket_max: 10_000,
    /** 200 requests a second from one address is far above every honest client, and far below what hurts. */
    rate_window_ms: 10_000,
    rate_requests_max: 2_000,
    /** A page of rows that a person or a program reads at once. */
    page_rows_default: 100,
    page_rows_max: 500,
  },
  audit: {
    /** Questions that are answered at once, and that wait for each of these; more would only time out. */
    questions: 3,
    questions_waiting_max: 32,
    /** A page, or one key's history; below the time that HTTP gives an answer. */
    question_deadline_ms: 10_000,
    /** Exports under way at once: each holds a connection and one state of the database. */
    exports: 2,
    export_deadline_ms: 600_000,
    /** Messages on a page, or of an export in memory at once; one may have a megabyte. */
    page_bytes_max: 4_194_304,
    /** Rows of an export in memory at once. */
    export_page_rows: 1_000,
    /** How long a question may wait for a position: with the question itself below the time that HTTP gives an answer. */
    wait_ms_max: 4_000,
    /** One look in so many milliseconds serves all who wait; a batch takes about as long. */
    wait_poll_ms: 25,
    /** A batch that began at an instant has been committed or given up this long after it: the past before is final. */
    writing_ms_max: 60_000,
  },
  client: {
    /** A node or bridge that has not begun to answer by then is treated as away; the next poll asks again. */
    headers_timeout_ms: 5_000,
    /** The whole answer, so that one byte a second cannot hold a poll. */
    total_timeout_ms: 15_000,
    /** 20 deposits are 8 KiB; a whole page of a thousand stays well below. */
    bytes_max: 8_388_608,
    /** Real answers nest 6 deep; deeper ones would only exhaust the stack of a recursive parser. */
    depth_max: 64,
    /** bitcoind answers more than 16 calls at once with plain text; half of it leaves room for others. */
    concurrency_max: 8,
    /** Calls that wait for one of the places above; more means that the caller is not being served. */
    queue_max: 256,
    /** Enough of a strange answer to recognise it in a log. */
    excerpt_chars_max: 200,
    /** Digits of a number that are read exactly: `numeric(78,0)` in SQL, and some more for decimals. */
    number_digits_max: 100,
  },
  retry: {
    /** The wait after a poll that failed; it doubles, with jitter, up to the cap. */
    base_ms: 200,
    cap_ms: 5_000,
  },
  log: {
    /** A longer line is cut, so that a hostile answer in an error cannot fill the disk. */
    line_chars_max: 16_384,
  },
} as const

/** The limits of a service; tests make them small. */
export type HttpLimits = { readonly [Name in keyof typeof limits.http]: number }
