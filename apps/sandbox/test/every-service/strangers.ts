import type { request } from "./raw-http.ts"

/** The header that carries a token. */
export const bearer = (token: string): string => `authorization: Bearer ${token}`

const json = "content-type: application/json"
const lengthOf = (bytes: number): string => `content-length: ${bytes}`

/** Commands at a path as a stranger may write them, each with what is odd about it; none may be let in. */
export const strangersAt = (
  path: string,
  { control, read }: { readonly control: string; readonly read: string },
): ReadonlyArray<readonly [string, ...Parameters<typeof request>]> => {
  const letter = `/%${path.charCodeAt(1).toString(16)}${path.slice(2)}`
  return [
    ["no token", "POST", path, [lengthOf(0)]],
    ["an empty token", "POST", path, ["authorization: Bearer", lengthOf(0)]],
    ["a wrong token", "POST", path, [bearer(`${control}x`), lengthOf(0)]],
    ["the read token", "POST", path, [bearer(read), lengthOf(0)]],
    ["another scheme", "POST", path, [`authorization: Basic ${btoa(`:${control}`)}`, lengthOf(0)]],
    ["the right token second", "POST", path, [bearer("wrong"), bearer(control), lengthOf(0)]],
    ["the right token first", "POST", path, [bearer(control), bearer("wrong"), lengthOf(0)]],
    ["the token in a cookie", "POST", path, [`cookie: token=${control}`, lengthOf(0)]],
    ["the token in the address", "POST", `${path}?access_token=${control}`, [lengthOf(0)]],
    ["JSON", "POST", path, [json, lengthOf(2)], "{}"],
    ["no JSON", "POST", path, [json, lengthOf(9)], "{not json"],
    ["a form", "POST", path, ["content-type: application/x-www-form-urlencoded", lengthOf(3)], "a=b"],
    ["parts", "POST", path, ["content-type: multipart/form-data; boundary=x", lengthOf(3)], "--x"],
    ["text", "POST", path, ["content-type: text/plain", lengthOf(2)], "{}"],
    ["an odd type", "POST", path, ["content-type: ;;=", lengthOf(2)], "{}"],
    ["a huge body", "POST", path, [json, lengthOf(10 ** 10)], "{".padEnd(4_096)],
    ["a body that does not come", "POST", path, [json, lengthOf(60_000)], "{"],
    ["a body in endless chunks", "POST", path, [json, "transfer-encoding: chunked"], "ffff\r\n{"],
    ["a body on demand", "POST", path, [json, "expect: 100-continue", lengthOf(60_000)]],
    ["an encoded letter", "POST", letter, [lengthOf(0)]],
    ["two slashes", "POST", `/${path}`, [lengthOf(0)]],
    ["a slash behind", "POST", `${path}/`, [lengthOf(0)]],
    ["dots", "POST", `/docs/..${path}`, [lengthOf(0)]],
    ["encoded dots", "POST", `/docs/%2e%2e${path}`, [lengthOf(0)]],
    ["capitals", "POST", path.toUpperCase(), [lengthOf(0)]],
    ["a whole address", "POST", `http://127.0.0.1${path}`, [lengthOf(0)]],
    ["PUT", "PUT", path, [lengthOf(0)]],
    ["PATCH", "PATCH", path, [lengthOf(0)]],
    ["DELETE", "DELETE", path, [lengthOf(0)]],
    ["OPTIONS", "OPTIONS", path, [lengthOf(0)]],
  ]
}

/** Commands of those who may, written as they must not be: the status, headers, body and query of each. */
export const wrongCommands: ReadonlyArray<readonly [number, ReadonlyArray<string>, string, string?]> = [
  [413, [json, `content-length: ${10 ** 10}`], "{"],
  [413, [json, "content-length: 70000"], "{".padEnd(70_000)],
  [400, [json, "content-length: 9"], "{not json"],
  [400, [json, "content-length: 2"], "[]".replace("[]", "7 ")],
  [400, [json, "content-length: 31"], '{"__proto__":{"polluted":true}}'],
  [400, [json, "content-length: 20"], '{"no_such_field": 1}'],
  [415, ["content-type: text/plain", "content-length: 2"], "{}"],
  [415, ["content-type: application/x-www-form-urlencoded", "content-length: 3"], "a=b"],
  [415, ["content-type: multipart/form-data; boundary=x", "content-length: 3"], "--x"],
  [400, [json, "content-length: 2", "content-length: 3"], "{}"],
  [400, [json, "content-length: 2", "transfer-encoding: chunked"], "{}"],
  [400, [json, "content-length: 0"], "", "?no_such_parameter=1"],
]
