-- Run by the postgres image once, when its volume is new. The catalog's database is POSTGRES_DB; Dagster's tables and
-- its own migrations live apart from it, because both keep their version in a table of the same name.
CREATE DATABASE dagster;
