import fc from "fast-check"

// The same cases every time: a change that breaks nothing must not fail by chance. FC_SEED looks at others, and
// is printed with every failure.
fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? 20_261_123) })
