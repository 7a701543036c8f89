-- What the application itself keeps: the code of each token as the chain announced it last.
CREATE TABLE token_codes (
	token_id numeric PRIMARY KEY,
	code text NOT NULL,
	tx text NOT NULL,
	at timestamptz NOT NULL
);
