// Package probe tries a real TotalGest and a real shop by a few reads, and says
// what a profile needs to fit them: what is allowed, which fields were found
// where, what cannot be assumed and was measured, and which settings follow.
//
// It writes nothing to either system. What it says and records holds keys, kinds
// and counts, and neither a secret nor a value of a record; the only words of a
// site that it repeats are the names of its order states and payment methods,
// which the settings have to name.
package probe
