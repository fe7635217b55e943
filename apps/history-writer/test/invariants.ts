export { checkInvariants, readSnapshot } from "@landfall/sandbox/testing/record-invariants"
