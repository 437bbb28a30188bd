-- The postgres image runs this once, when its volume is new. The catalog's database is POSTGRES_DB. Dagster's tables and
-- migrations need another one, because both keep their version in a table of the same name.
CREATE DATABASE dagster;
