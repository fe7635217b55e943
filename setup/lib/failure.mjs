/** A set-up that cannot go on, with what is missing and how to get it: shown without a stack. */
export class SetupFailure extends Error {}
