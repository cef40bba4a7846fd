// Package crashtest pulls the plug on the connector, for real: it builds the
// command, runs it against both fakes over sockets, and kills, freezes, starves
// and robs it of power and disk while orders are placed. What counts in the end
// is the fake TotalGest's own ledger, held against the orders that were placed,
// never what the connector says of itself; only then is its status compared with
// the ledger.
//
// There are only tests here, and they need Linux; those of the power cut need
// strace, the one of the full disk needs root, and others PostgreSQL. By default
// they take about a minute on two cores. These variables change that:
//
//	TG360_CRASH=long       the long form: thousands of orders, hundreds of freezes
//	TG360_CRASH_SEED=N     repeats the choices of an earlier run; every test prints its seed
//	TG360_CRASH_RACE=1     builds the connector with the race detector
//	TG360_CRASH_LOGS=DIR   keeps the connector's logs, at level debug
package crashtest
