import { mergeConfig } from "vitest/config"
import shared from "../../vitest.shared.ts"

// The last to end, and alone then: its stacks mostly wait.
export default mergeConfig(shared, { test: { fileParallelism: true, maxWorkers: 2 } })
