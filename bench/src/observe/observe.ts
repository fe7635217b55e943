import type { Bench } from "../bench.ts"
import type { Figure, Result } from "../report/section.ts"
import { ratios } from "../report/statistics.ts"
import { bitcoinPolls } from "./bitcoin.ts"
import { gnosisPolls } from "./gnosis.ts"
import { fewHandles, type PollRun } from "./polls.ts"

/** Whether a poll costs more when more addresses are watched, on both chains. */
export const observeBench: Bench = {
  covers: ["observe"],
  limit_s: 420,
  run: async (context) => {
    const polls = {
      "bitcoind (Bitcoin)": await bitcoinPolls(context),
      "anvil (Gnosis)": await gnosisPolls(context),
    }
    const many = context.sizes.handles.toLocaleString("en-US")
    const figures = Object.entries(polls).flatMap(
      ([node, runs]): ReadonlyArray<Figure> => [
        {
          name: `${node}: a poll over ${fewHandles} addresses`,
          unit: "ms",
          runs: runs.map(({ few_ms }) => few_ms),
        },
        {
          name: `${node}: a poll over ${many} addresses`,
          unit: "ms",
          runs: runs.map(({ many_ms }) => many_ms),
        },
      ],
    )
    return [
      {
        name: "observe",
        title: "A poll of a chain",
        how: `The observers of the liquidity manager poll real nodes: one watches ${fewHandles} addresses, the other ${many}, and both see the same open deposits to the first ${fewHandles}. Before each pair of polls there is a new deposit (on Bitcoin in the mempool, with a block every tenth time; on Gnosis in a new block). Each figure is the median of 20 polls. Importing the addresses, which happens once, is not counted.`,
        figures,
        results: Object.entries(polls).map(([node, runs]) => costOf(node, runs, many)),
        remarks: [],
      },
    ]
  },
}

const costOf = (node: string, runs: ReadonlyArray<PollRun>, many: string): Result => ({
  name: `${node}: a poll over ${many} addresses costs, of a poll over ${fewHandles}`,
  unit: "×",
  runs: ratios(
    runs.map(({ many_ms }) => many_ms),
    runs.map(({ few_ms }) => few_ms),
  ),
  target: { most: 2 },
})
