import type { Random } from "@landfall/simulation/world/random"

const deep = 100_000

/** What no decoder takes, of the kinds that real topics have seen. */
const kinds: ReadonlyArray<(random: Random) => Buffer | string | null> = [
  () => null,
  () => "",
  () => "null",
  () => '"text"',
  () => "<html><title>502 Bad Gateway</title></html>",
  () => '{"not":"a record"}',
  () => '{"__proto__":{"polluted":true}}',
  () => '{"constructor":{"prototype":{"polluted":true}}}',
  () => Buffer.of(0xff, 0xfe, 0x00),
  () => Buffer.from('{"pair":"\xc3("}', "latin1"),
  () => `${"[".repeat(deep)}${"]".repeat(deep)}`,
  () => `{"amount":${"9".repeat(10_000)}}`,
  () => '{"observed_at":"9999-12-31T23:59:59.999Z","pair":7}',
  () => '{"occurred_at":"0000-01-01T00:00:00.000Z"}',
  () => `{"pair":"${"x".repeat(900_000)}"}`,
  (random) => Buffer.from(random.hash(), "hex"),
  (random) => `{"pair":"${random.hash()}`,
]

/** A value that is no record of any topic. */
export const poisonOf = (random: Random): Buffer | string | null => random.pick(kinds)(random)
