CREATE TABLE acceptances (
	tenant_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	accepted_at DATETIME NOT NULL,
	accepted_by VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	arn VARCHAR NOT NULL,
	CONSTRAINT pk_acceptances PRIMARY KEY (tenant_id, number),
	CONSTRAINT fk_acceptances_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0016');
CREATE TABLE audit_events (
	tenant_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	line VARCHAR NOT NULL,
	hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_audit_events PRIMARY KEY (tenant_id, number)
);
CREATE TABLE audit_heads (
	tenant_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	number INTEGER NOT NULL,
	at VARCHAR NOT NULL,
	hash VARCHAR(64) NOT NULL, anchored INTEGER DEFAULT '0' NOT NULL,
	CONSTRAINT pk_audit_heads PRIMARY KEY (tenant_id)
);
CREATE TABLE backup_events (
	tenant_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	at DATETIME NOT NULL,
	state VARCHAR(16) NOT NULL,
	job_id VARCHAR(36),
	code VARCHAR(32),
	message VARCHAR NOT NULL,
	tell_at DATETIME,
	told_at DATETIME,
	tries INTEGER NOT NULL,
	outcome VARCHAR,
	CONSTRAINT pk_backup_events PRIMARY KEY (tenant_id, number),
	CONSTRAINT fk_backup_events_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE beats (
	beat VARCHAR(16) NOT NULL,
	ticked_at DATETIME NOT NULL, broker_trouble VARCHAR,
	CONSTRAINT pk_beats PRIMARY KEY (beat)
);
CREATE TABLE bucket_jobs (
	tenant_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	found_at DATETIME,
	swept_at DATETIME,
	CONSTRAINT pk_bucket_jobs PRIMARY KEY (tenant_id, job_id),
	CONSTRAINT fk_bucket_jobs_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE challenges (
	hash VARCHAR(64) NOT NULL,
	purpose VARCHAR(32) NOT NULL,
	detail JSON NOT NULL,
	expires_at DATETIME NOT NULL,
	CONSTRAINT pk_challenges PRIMARY KEY (hash)
);
CREATE TABLE checkpoint_runs (
	tenant_id VARCHAR(36) NOT NULL,
	row_id VARCHAR NOT NULL,
	run_id VARCHAR(36) NOT NULL,
	CONSTRAINT pk_checkpoint_runs PRIMARY KEY (tenant_id, row_id, run_id),
	CONSTRAINT fk_checkpoint_runs_checkpoints FOREIGN KEY(tenant_id, row_id) REFERENCES checkpoints (tenant_id, row_id),
	CONSTRAINT fk_checkpoint_runs_runs FOREIGN KEY(tenant_id, run_id) REFERENCES runs (tenant_id, run_id)
);
CREATE TABLE checkpoints (
	tenant_id VARCHAR(36) NOT NULL,
	row_id VARCHAR NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	step_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	phase INTEGER NOT NULL,
	stream VARCHAR NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_checkpoints PRIMARY KEY (tenant_id, row_id),
	CONSTRAINT fk_checkpoints_steps FOREIGN KEY(tenant_id, step_id) REFERENCES steps (tenant_id, step_id),
	CONSTRAINT uq_checkpoints_tenant_id_step_id_number UNIQUE (tenant_id, step_id, number)
);
CREATE TABLE compatible_code (
	revision VARCHAR(4) NOT NULL,
	CONSTRAINT pk_compatible_code PRIMARY KEY (revision)
);
INSERT INTO "compatible_code" VALUES('0002');
INSERT INTO "compatible_code" VALUES('0003');
INSERT INTO "compatible_code" VALUES('0004');
INSERT INTO "compatible_code" VALUES('0005');
INSERT INTO "compatible_code" VALUES('0006');
INSERT INTO "compatible_code" VALUES('0007');
INSERT INTO "compatible_code" VALUES('0008');
INSERT INTO "compatible_code" VALUES('0009');
INSERT INTO "compatible_code" VALUES('0010');
INSERT INTO "compatible_code" VALUES('0011');
INSERT INTO "compatible_code" VALUES('0012');
INSERT INTO "compatible_code" VALUES('0013');
INSERT INTO "compatible_code" VALUES('0014');
INSERT INTO "compatible_code" VALUES('0015');
INSERT INTO "compatible_code" VALUES('0016');
CREATE TABLE data_keys (
	tenant_id VARCHAR(36) NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	generation INTEGER NOT NULL,
	purpose VARCHAR(16) NOT NULL,
	arn VARCHAR NOT NULL,
	key_epoch INTEGER NOT NULL,
	context JSON NOT NULL,
	wrapped BLOB NOT NULL,
	created_at DATETIME NOT NULL,
	job_id VARCHAR(36), moved_at DATETIME,
	CONSTRAINT pk_data_keys PRIMARY KEY (tenant_id, data_key_id, generation),
	CONSTRAINT fk_data_keys_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE deliveries (
	delivery_id VARCHAR(36) NOT NULL,
	target_id VARCHAR(36) NOT NULL,
	tenant_id VARCHAR(36),
	source VARCHAR NOT NULL,
	notice VARCHAR(32) NOT NULL,
	body JSON NOT NULL,
	made_at DATETIME NOT NULL,
	tries INTEGER DEFAULT '0' NOT NULL,
	tried_at DATETIME,
	next_try_at DATETIME,
	delivered_at DATETIME,
	outcome VARCHAR,
	CONSTRAINT pk_deliveries PRIMARY KEY (delivery_id),
	CONSTRAINT fk_deliveries_notice_targets FOREIGN KEY(target_id) REFERENCES notice_targets (target_id) ON DELETE CASCADE,
	CONSTRAINT fk_deliveries_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE grants (
	grant_id VARCHAR(36) NOT NULL,
	person_id VARCHAR(36) NOT NULL,
	tenant_id VARCHAR(36),
	role VARCHAR(16) NOT NULL,
	until DATETIME,
	given_by VARCHAR NOT NULL,
	reason VARCHAR NOT NULL,
	given_at DATETIME NOT NULL,
	CONSTRAINT pk_grants PRIMARY KEY (grant_id),
	CONSTRAINT fk_grants_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE,
	CONSTRAINT fk_grants_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE id_map (
	tenant_id VARCHAR(36) NOT NULL,
	old_id VARCHAR(64) NOT NULL,
	first_id VARCHAR(64) NOT NULL,
	current_id VARCHAR(64),
	resource VARCHAR NOT NULL,
	state VARCHAR(16) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	mark VARCHAR NOT NULL,
	CONSTRAINT pk_id_map PRIMARY KEY (tenant_id, old_id),
	CONSTRAINT fk_id_map_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE identities (
	authority VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	person_id VARCHAR(36) NOT NULL,
	bound_at DATETIME NOT NULL,
	CONSTRAINT pk_identities PRIMARY KEY (authority, subject),
	CONSTRAINT fk_identities_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE
);
CREATE TABLE installation_keys (
	data_key_id VARCHAR(64) NOT NULL,
	arn VARCHAR NOT NULL,
	wrapped BLOB NOT NULL,
	recipient VARCHAR NOT NULL,
	identity BLOB NOT NULL,
	created_at DATETIME NOT NULL,
	CONSTRAINT pk_installation_keys PRIMARY KEY (data_key_id)
);
CREATE TABLE invitations (
	hash VARCHAR(64) NOT NULL,
	invitation_id VARCHAR(36) NOT NULL,
	person_id VARCHAR(36) NOT NULL,
	made_by VARCHAR NOT NULL,
	made_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	CONSTRAINT pk_invitations PRIMARY KEY (hash),
	CONSTRAINT fk_invitations_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE,
	CONSTRAINT uq_invitations_invitation_id UNIQUE (invitation_id)
);
CREATE TABLE jobs (
	tenant_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	kind VARCHAR(16) NOT NULL,
	state VARCHAR(32) NOT NULL,
	asked VARCHAR(16) NOT NULL,
	here BOOLEAN NOT NULL,
	cancel BOOLEAN NOT NULL,
	code VARCHAR(32),
	message VARCHAR,
	created_at DATETIME NOT NULL,
	started_at DATETIME,
	finished_at DATETIME,
	due_at DATETIME,
	"full" BOOLEAN NOT NULL,
	parent VARCHAR(36),
	snapshot VARCHAR(36),
	detail JSON,
	open_phase INTEGER,
	open_steps INTEGER NOT NULL, birth_until DATETIME,
	CONSTRAINT pk_jobs PRIMARY KEY (tenant_id, job_id),
	CONSTRAINT fk_jobs_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id),
	CONSTRAINT uq_jobs_tenant_id_due_at UNIQUE (tenant_id, due_at),
	CONSTRAINT uq_jobs_tenant_id_number UNIQUE (tenant_id, number)
);
CREATE TABLE key_events (
	tenant_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	at DATETIME NOT NULL,
	arn VARCHAR NOT NULL,
	condition VARCHAR(16) NOT NULL,
	code VARCHAR(32),
	message VARCHAR NOT NULL,
	warnings JSON NOT NULL,
	tell_at DATETIME,
	told_at DATETIME,
	tries INTEGER NOT NULL,
	outcome VARCHAR,
	CONSTRAINT pk_key_events PRIMARY KEY (tenant_id, number),
	CONSTRAINT fk_key_events_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE key_health (
	tenant_id VARCHAR(36) NOT NULL,
	turn INTEGER NOT NULL,
	next_probe DATETIME NOT NULL,
	arn VARCHAR NOT NULL,
	condition VARCHAR(16) NOT NULL,
	since DATETIME NOT NULL,
	code VARCHAR(32),
	message VARCHAR NOT NULL,
	found VARCHAR(16),
	checked_at DATETIME,
	looked_at DATETIME,
	warnings JSON NOT NULL,
	CONSTRAINT pk_key_health PRIMARY KEY (tenant_id),
	CONSTRAINT fk_key_health_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE notice_targets (
	target_id VARCHAR(36) NOT NULL,
	tenant_id VARCHAR(36),
	name VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	place VARCHAR NOT NULL,
	notices JSON NOT NULL,
	made_by VARCHAR NOT NULL,
	made_at DATETIME NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_notice_targets PRIMARY KEY (target_id),
	CONSTRAINT fk_notice_targets_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE notices (
	tenant_id VARCHAR(36) NOT NULL,
	notice_id VARCHAR(36) NOT NULL,
	notice VARCHAR(32) NOT NULL,
	body JSON NOT NULL,
	made_at DATETIME NOT NULL,
	CONSTRAINT pk_notices PRIMARY KEY (tenant_id, notice_id)
);
CREATE TABLE passkeys (
	credential_id VARCHAR NOT NULL,
	person_id VARCHAR(36) NOT NULL,
	public_key BLOB NOT NULL,
	sign_count INTEGER NOT NULL,
	aaguid VARCHAR(32) NOT NULL,
	name VARCHAR(64) NOT NULL,
	added_at DATETIME NOT NULL,
	used_at DATETIME,
	CONSTRAINT pk_passkeys PRIMARY KEY (credential_id),
	CONSTRAINT fk_passkeys_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE
);
CREATE TABLE people (
	person_id VARCHAR(36) NOT NULL,
	handle VARCHAR(64) NOT NULL,
	break_glass BOOLEAN NOT NULL,
	created_at DATETIME NOT NULL,
	seen_at DATETIME,
	signed_in_at DATETIME,
	CONSTRAINT pk_people PRIMARY KEY (person_id),
	CONSTRAINT uq_people_handle UNIQUE (handle)
);
CREATE TABLE pins (
	tenant_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	snapshot_id VARCHAR(36) NOT NULL,
	CONSTRAINT pk_pins PRIMARY KEY (tenant_id, job_id, snapshot_id),
	CONSTRAINT fk_pins_jobs FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id),
	CONSTRAINT fk_pins_snapshots FOREIGN KEY(tenant_id, snapshot_id) REFERENCES snapshots (tenant_id, snapshot_id)
);
CREATE TABLE refusals (
	tenant_id VARCHAR(36) NOT NULL,
	arn VARCHAR NOT NULL,
	at DATETIME NOT NULL,
	message VARCHAR NOT NULL, since DATETIME,
	CONSTRAINT pk_refusals PRIMARY KEY (tenant_id, arn),
	CONSTRAINT fk_refusals_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE restore_passwords (
	tenant_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	row_id VARCHAR NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_restore_passwords PRIMARY KEY (tenant_id, job_id, number),
	CONSTRAINT fk_restore_passwords_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE restore_plan_parts (
	tenant_id VARCHAR(36) NOT NULL,
	plan_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	row_id VARCHAR NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_restore_plan_parts PRIMARY KEY (tenant_id, plan_id, position),
	CONSTRAINT fk_restore_plan_parts_restore_plans FOREIGN KEY(tenant_id, plan_id) REFERENCES restore_plans (tenant_id, plan_id) ON DELETE CASCADE
);
CREATE TABLE restore_plans (
	tenant_id VARCHAR(36) NOT NULL,
	plan_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	snapshot_id VARCHAR(36) NOT NULL,
	live_id VARCHAR(36) NOT NULL,
	state VARCHAR(16) NOT NULL,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	operations INTEGER NOT NULL,
	impossible INTEGER NOT NULL,
	reason VARCHAR,
	restore_job VARCHAR(36),
	undone_job VARCHAR(36),
	CONSTRAINT pk_restore_plans PRIMARY KEY (tenant_id, plan_id),
	CONSTRAINT fk_restore_plans_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE,
	CONSTRAINT uq_restore_plans_tenant_id_number UNIQUE (tenant_id, number)
);
CREATE TABLE restore_results (
	tenant_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	code VARCHAR NOT NULL,
	request_id VARCHAR,
	at DATETIME NOT NULL,
	row_id VARCHAR NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_restore_results PRIMARY KEY (tenant_id, job_id, number),
	CONSTRAINT fk_restore_results_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE runs (
	tenant_id VARCHAR(36) NOT NULL,
	run_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	stream VARCHAR NOT NULL,
	blobs JSON NOT NULL,
	CONSTRAINT pk_runs PRIMARY KEY (tenant_id, run_id),
	CONSTRAINT fk_runs_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE schedules (
	tenant_id VARCHAR(36) NOT NULL,
	cron VARCHAR NOT NULL,
	timezone VARCHAR NOT NULL,
	paused BOOLEAN NOT NULL,
	next_due DATETIME,
	CONSTRAINT pk_schedules PRIMARY KEY (tenant_id),
	CONSTRAINT fk_schedules_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE secrets (
	tenant_id VARCHAR(36) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	row_id VARCHAR NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	data BLOB NOT NULL,
	CONSTRAINT pk_secrets PRIMARY KEY (tenant_id, kind),
	CONSTRAINT fk_secrets_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE secrets_hashed (
	secret_id VARCHAR(36) NOT NULL,
	person_id VARCHAR(36),
	kind VARCHAR(16) NOT NULL,
	number INTEGER NOT NULL,
	hash VARCHAR NOT NULL,
	made_at DATETIME NOT NULL,
	expires_at DATETIME,
	used_at DATETIME,
	CONSTRAINT pk_secrets_hashed PRIMARY KEY (secret_id),
	CONSTRAINT fk_secrets_hashed_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE
);
CREATE TABLE sign_ins (
	hash VARCHAR(64) NOT NULL,
	sign_in_id VARCHAR(36) NOT NULL,
	person_id VARCHAR(36) NOT NULL,
	means VARCHAR(16) NOT NULL,
	begun_at DATETIME NOT NULL,
	seen_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	confirmed_at DATETIME,
	address VARCHAR NOT NULL,
	browser VARCHAR NOT NULL,
	CONSTRAINT pk_sign_ins PRIMARY KEY (hash),
	CONSTRAINT fk_sign_ins_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE,
	CONSTRAINT uq_sign_ins_sign_in_id UNIQUE (sign_in_id)
);
CREATE TABLE snapshot_attempts (
	tenant_id VARCHAR(36) NOT NULL,
	snapshot_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	noted_at DATETIME NOT NULL,
	CONSTRAINT pk_snapshot_attempts PRIMARY KEY (tenant_id, snapshot_id),
	CONSTRAINT fk_snapshot_attempts_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id)
);
CREATE TABLE snapshot_runs (
	tenant_id VARCHAR(36) NOT NULL,
	snapshot_id VARCHAR(36) NOT NULL,
	run_id VARCHAR(36) NOT NULL,
	position INTEGER NOT NULL,
	CONSTRAINT pk_snapshot_runs PRIMARY KEY (tenant_id, snapshot_id, run_id),
	CONSTRAINT fk_snapshot_runs_runs FOREIGN KEY(tenant_id, run_id) REFERENCES runs (tenant_id, run_id),
	CONSTRAINT fk_snapshot_runs_snapshots FOREIGN KEY(tenant_id, snapshot_id) REFERENCES snapshots (tenant_id, snapshot_id)
);
CREATE TABLE snapshots (
	tenant_id VARCHAR(36) NOT NULL,
	snapshot_id VARCHAR(36) NOT NULL,
	number INTEGER NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	parent VARCHAR(36),
	created_at DATETIME NOT NULL,
	manifest_sha256 VARCHAR(64) NOT NULL,
	data_key_id VARCHAR(64) NOT NULL,
	objects BIGINT NOT NULL,
	links BIGINT NOT NULL,
	complete BOOLEAN NOT NULL,
	resources JSON NOT NULL,
	going BOOLEAN NOT NULL,
	CONSTRAINT pk_snapshots PRIMARY KEY (tenant_id, snapshot_id),
	CONSTRAINT fk_snapshots_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id),
	CONSTRAINT uq_snapshots_tenant_id_number UNIQUE (tenant_id, number)
);
CREATE TABLE steps (
	tenant_id VARCHAR(36) NOT NULL,
	step_id VARCHAR(36) NOT NULL,
	job_id VARCHAR(36) NOT NULL,
	phase INTEGER NOT NULL,
	name VARCHAR NOT NULL,
	state VARCHAR(16) NOT NULL,
	answer VARCHAR(32),
	request_id VARCHAR,
	began_at DATETIME,
	ended_at DATETIME,
	progress JSON NOT NULL,
	fence INTEGER NOT NULL,
	holder VARCHAR,
	claim_until DATETIME,
	claims_lost INTEGER NOT NULL,
	trouble_since DATETIME,
	send_at DATETIME,
	sends INTEGER NOT NULL, trouble VARCHAR(32), trouble_message VARCHAR, retry_at DATETIME, alone_since DATETIME, fresh_starts INTEGER DEFAULT '0' NOT NULL, bundle INTEGER,
	CONSTRAINT pk_steps PRIMARY KEY (tenant_id, step_id),
	CONSTRAINT fk_steps_jobs FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id)
);
CREATE TABLE stores (
	store VARCHAR(16) NOT NULL,
	store_id VARCHAR(36) NOT NULL,
	place VARCHAR NOT NULL,
	marked_at DATETIME,
	CONSTRAINT pk_stores PRIMARY KEY (store)
);
CREATE TABLE tenants (
	tenant_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	directory_id VARCHAR(36) NOT NULL,
	client_id VARCHAR(36) NOT NULL,
	created_at DATETIME NOT NULL,
	key_mode VARCHAR(16) NOT NULL,
	key_arn VARCHAR NOT NULL,
	key_epoch INTEGER NOT NULL,
	served_at DATETIME, key_allowed_at DATETIME, key_switched_at DATETIME, key_free_at DATETIME, sign_in_expires_at DATETIME, claimed_directory VARCHAR(36), restore_client_id VARCHAR(36), restore_expires_at DATETIME, choice JSON, full_every INTEGER,
	CONSTRAINT pk_tenants PRIMARY KEY (tenant_id),
	CONSTRAINT uq_tenants_name UNIQUE (name)
);
CREATE TABLE tokens (
	hash VARCHAR(64) NOT NULL,
	token_id VARCHAR(36) NOT NULL,
	name VARCHAR(64) NOT NULL,
	tenant_id VARCHAR(36),
	person_id VARCHAR(36),
	actions JSON NOT NULL,
	networks JSON NOT NULL,
	made_by VARCHAR NOT NULL,
	made_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	used_at DATETIME,
	CONSTRAINT pk_tokens PRIMARY KEY (hash),
	CONSTRAINT fk_tokens_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE,
	CONSTRAINT fk_tokens_people FOREIGN KEY(person_id) REFERENCES people (person_id) ON DELETE CASCADE,
	CONSTRAINT uq_tokens_token_id UNIQUE (token_id)
);
CREATE TABLE tries (
	who VARCHAR(128) NOT NULL,
	failed INTEGER NOT NULL,
	last_at DATETIME NOT NULL,
	CONSTRAINT pk_tries PRIMARY KEY (who)
);
CREATE TABLE untrusted_keys (
	tenant_id VARCHAR(36) NOT NULL,
	arn VARCHAR NOT NULL,
	data_keys INTEGER NOT NULL,
	manifests INTEGER NOT NULL,
	found_at DATETIME NOT NULL,
	CONSTRAINT pk_untrusted_keys PRIMARY KEY (tenant_id, arn),
	CONSTRAINT fk_untrusted_keys_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE usage (
	tenant_id VARCHAR(36) NOT NULL,
	name VARCHAR(32) NOT NULL,
	total BIGINT NOT NULL,
	CONSTRAINT pk_usage PRIMARY KEY (tenant_id, name),
	CONSTRAINT fk_usage_tenants FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
);
CREATE TABLE withheld_directories (
	tenant_id VARCHAR(36) NOT NULL,
	name VARCHAR NOT NULL,
	directory_id VARCHAR(36) NOT NULL,
	key_arn VARCHAR NOT NULL,
	removed_at DATETIME NOT NULL,
	CONSTRAINT pk_withheld_directories PRIMARY KEY (tenant_id)
);
CREATE TABLE workers (
	worker VARCHAR NOT NULL,
	slots INTEGER NOT NULL,
	seen_at DATETIME NOT NULL, messages INTEGER, messages_at DATETIME, aws_account VARCHAR(12), aws_principal VARCHAR,
	CONSTRAINT pk_workers PRIMARY KEY (worker)
);
CREATE INDEX ix_data_keys_tenant_id_purpose_job_id ON data_keys (tenant_id, purpose, job_id);
CREATE INDEX ix_jobs_created_at ON jobs (created_at);
CREATE INDEX ix_jobs_job_id ON jobs (job_id);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_steps_state ON steps (state);
CREATE INDEX ix_steps_tenant_id_job_id ON steps (tenant_id, job_id);
CREATE INDEX ix_snapshot_runs_tenant_id_run_id ON snapshot_runs (tenant_id, run_id);
CREATE INDEX ix_checkpoints_tenant_id_job_id ON checkpoints (tenant_id, job_id);
CREATE INDEX ix_checkpoint_runs_tenant_id_run_id ON checkpoint_runs (tenant_id, run_id);
CREATE INDEX ix_pins_tenant_id_snapshot_id ON pins (tenant_id, snapshot_id);
CREATE TRIGGER audit_events_are_not_changed BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'an audit event is never changed'); END;
CREATE TRIGGER audit_events_are_not_removed BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'an audit event is never removed'); END;
CREATE INDEX ix_key_health_next_probe ON key_health (next_probe);
CREATE UNIQUE INDEX ix_tenants_claimed_directory ON tenants (claimed_directory);
CREATE INDEX ix_withheld_directories_directory_id ON withheld_directories (directory_id);
CREATE INDEX ix_jobs_tenant_id_kind_number ON jobs (tenant_id, kind, number);
CREATE INDEX ix_snapshots_newest ON snapshots (tenant_id, going, complete, number, created_at, job_id);
CREATE INDEX ix_passkeys_person_id ON passkeys (person_id);
CREATE INDEX ix_identities_person_id ON identities (person_id);
CREATE INDEX ix_secrets_hashed_person_id_kind ON secrets_hashed (person_id, kind);
CREATE INDEX ix_sign_ins_person_id ON sign_ins (person_id);
CREATE INDEX ix_invitations_person_id ON invitations (person_id);
CREATE INDEX ix_challenges_expires_at ON challenges (expires_at);
CREATE INDEX ix_grants_person_id ON grants (person_id);
CREATE INDEX ix_grants_tenant_id ON grants (tenant_id);
CREATE INDEX ix_tokens_tenant_id ON tokens (tenant_id);
CREATE INDEX ix_tokens_person_id ON tokens (person_id);
CREATE INDEX ix_notice_targets_tenant_id ON notice_targets (tenant_id);
CREATE UNIQUE INDEX ix_deliveries_target_id_source ON deliveries (target_id, source);
CREATE INDEX ix_deliveries_next_try_at ON deliveries (next_try_at);
