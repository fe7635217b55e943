import { mergeConfig } from "vitest/config"
import shared from "../../vitest.shared.ts"

// The longest of the workspaces: what its tests start is their own, and they mostly wait for it.
export default mergeConfig(shared, { test: { fileParallelism: true, maxWorkers: 2 } })
