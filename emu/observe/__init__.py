"""What people look at: captures, traces and hop tables, the ledger, digests. Observers attach to tracepoints and change nothing."""
