"""What a centre already runs: adapters that turn its systems' data into drafts of records."""
