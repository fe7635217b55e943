import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import {
  handleActionId,
  type LiquidityAction,
  liquidityActionTopic,
} from "@landfall/domain/topics/liquidity-action"
import type { Produced } from "../observations.ts"

const start_ms = Date.UTC(2026, 0, 1)

const issued = (handle: number): LiquidityAction => {
  const what = {
    account_id: "desk.near",
    chain: "bitcoin" as const,
    asset_id: "nep141:btc.omft.near",
    // As long as an address of today.
    funding_handle: `bc1q${handle.toString(36).padStart(58, "0")}`,
  }
  const occurred_at = timestamp(start_ms + handle)
  return {
    liquidity_action_id: handleActionId("deposit_handle_issued", what, occurred_at),
    action: "deposit_handle_issued",
    ...what,
    occurred_at,
  }
}

/** The issue of so many deposit addresses to one account. */
export function* issuedHandles(count: number): Generator<Produced> {
  const encode = recordEncoder(liquidityActionTopic)
  for (let handle = 0; handle < count; handle++) {
    const action = issued(handle)
    yield { key: liquidityActionTopic.key(action), value: encode(action) }
  }
}
