module deedlog.invalid/vectors/tlog

go 1.24.0

require (
	filippo.io/edwards25519 v1.2.0
	golang.org/x/mod v0.30.0
)
