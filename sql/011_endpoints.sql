-- What the listener knows of the endpoints of its chains: limits that it learned (so that a range cap is not exceeded again after
-- a restart), and how well they are. A name is host:port, never a credential.

-- The hash of block 0: two chains may share a chain id, not their first block. Seen first, never another one.
ALTER TABLE fairlead.chain ADD COLUMN genesis bytea CHECK (octet_length(genesis) = 32);

CREATE FUNCTION fairlead.genesis_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'chain % has the genesis block 0x%, it can''t become 0x%', OLD.name, encode(OLD.genesis, 'hex'),
		coalesce(encode(NEW.genesis, 'hex'), '') USING ERRCODE = 'FL006';
END $$;
CREATE TRIGGER genesis_guard BEFORE UPDATE OF genesis ON fairlead.chain FOR EACH ROW
	WHEN (OLD.genesis IS NOT NULL AND NEW.genesis IS DISTINCT FROM OLD.genesis) EXECUTE FUNCTION fairlead.genesis_guard();

CREATE TABLE fairlead.endpoint (
	chain        smallint NOT NULL REFERENCES fairlead.chain,
	name         text NOT NULL,
	place        int NOT NULL,                        -- in the file
	role         text NOT NULL,
	state        text NOT NULL CHECK (state IN ('unknown', 'well', 'resting', 'excluded')),
	range_cap    bigint CHECK (range_cap >= 1),       -- blocks a request; null: none known, as in all of these
	results_cap  bigint CHECK (results_cap >= 1),     -- logs a reply
	pruned_below bigint CHECK (pruned_below >= 1),    -- what lies below this block is not to be had here
	calls_cap    bigint CHECK (calls_cap >= 1),       -- calls a request
	filter_cap   bigint CHECK (filter_cap >= 1),      -- addresses or topics in one position
	head         bigint,
	lag          bigint,                              -- blocks behind the best endpoint of the chain
	latency_us   bigint,                              -- smoothed
	requests     bigint NOT NULL DEFAULT 0,
	failures     bigint NOT NULL DEFAULT 0,
	lies         bigint NOT NULL DEFAULT 0,           -- answers that contradicted themselves or another endpoint
	error        text,                                -- the last one
	at           timestamptz NOT NULL DEFAULT clock_timestamp(),
	retired      timestamptz,                         -- no longer in the configuration
	PRIMARY KEY (chain, name)
) WITH (fillfactor = 50);

CREATE VIEW fairlead.endpoints AS
SELECT c.name AS chain, e.place, e.name AS endpoint, e.role,
       CASE WHEN l.until > clock_timestamp() THEN e.state ELSE 'unknown' END AS state,
       e.head, e.lag, round(e.latency_us / 1000.0, 1) AS latency_ms, e.requests, e.failures, e.lies,
       e.range_cap AS blocks_a_request, e.results_cap AS logs_a_reply, e.calls_cap AS calls_a_request,
       e.filter_cap AS addresses_a_request, e.pruned_below AS has_from, e.error AS last_error, e.at
  FROM fairlead.endpoint e
  JOIN fairlead.chain c ON c.id = e.chain
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
 WHERE e.retired IS NULL AND c.retired IS NULL
 ORDER BY c.name, e.place;

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_endpoints() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.endpoint, fairlead.endpoints');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT, UPDATE ON fairlead.endpoint');
END $$;
SELECT fairlead.grant_endpoints();
