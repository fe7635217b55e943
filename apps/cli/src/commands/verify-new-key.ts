import { required } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import { writeKeyFile } from "@landfall/adapters/verify/key-file"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"

/** `landfall verify new-key`: makes the key that attestations are signed with. */
export const verifyNewKeyCommand = defineCommand({
  name: "verify new-key",
  summary: "Makes a key to sign attestations with",
  description:
    "The key is Ed25519 in the format of signed notes (c2sp.org/signed-note). The file, which only its owner can read, is needed\nfor --attest alone: keep it where the database's administrators have no access. The public key is printed; give it to all\nwho are to check. A file that is there is left as it is.",
  arguments: {
    name: required(text, "what the logs are called, a URL without scheme such as desk.example/landfall"),
    file: required(text, "where to put the key"),
  },
  examples: [
    {
      line: "landfall verify new-key desk.example/landfall landfall.key > landfall.pub",
      for: "a key, and beside it its public half",
    },
  ],
  run: async ({ output }, { arguments: { name, file } }) => {
    const public_key = await writeKeyFile(name, file)
    output.result({ file, public_key }, () => output.line(public_key))
    return exitCodes.ok
  },
})
