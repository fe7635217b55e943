/**
 * Which real parts a command needs set-up to fetch. What runs already is used by the sandbox only: tests and benchmarks
 * stop and kill their parts, so they always start their own.
 * @param {string} command
 * @param {NodeJS.ProcessEnv} env
 */
export function partsNeeded(command, env) {
  const usesRunningParts = command === "start" || command === "setup"
  /** @param {string | undefined} address */
  const running = (address) => usesRunningParts && Boolean(address)
  return {
    kafka: !running(env.KAFKA_BROKERS) && !env.KAFKA_HOME,
    java: !running(env.KAFKA_BROKERS),
    bitcoind: !running(env.BITCOIN_OBSERVER_URL) && !env.BITCOIND,
    // Only tests hold our proofs against another implementation.
    tlogCheck: command === "test" && !env.TLOG_CHECK,
  }
}
