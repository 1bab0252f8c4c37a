-- Whether a lease is over is not decided by comparing the clocks of two machines. On the same machine its time since its start decides;
-- everybody else watches `expires_at` stand still, which grows with each renewal. `machine` names a start of a machine and, behind a
-- space, the holder that these two columns were written for: consoles of older versions change the holder alone.
ALTER TABLE leases ADD COLUMN machine text;
ALTER TABLE leases ADD COLUMN ends_since_boot bigint;
