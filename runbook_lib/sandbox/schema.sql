-- One practice world. Stamps are text, ISO 8601 in UTC; JSON columns hold JSON; booleans are 0 and 1.

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Zendesk
CREATE TABLE organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    fields TEXT NOT NULL,                  -- JSON: plan, deployment, account_type
    created_at TEXT NOT NULL
);
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,                    -- agent, end-user
    organization_id INTEGER REFERENCES organizations (id),
    created_at TEXT NOT NULL
);
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,                  -- new, open, pending, hold, solved, closed
    requester_id INTEGER NOT NULL REFERENCES users (id),
    assignee_id INTEGER REFERENCES users (id),
    organization_id INTEGER REFERENCES organizations (id),
    tags TEXT NOT NULL DEFAULT '["emergency", "self-managed"]',  -- JSON: list of names
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE audits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    author_id INTEGER NOT NULL REFERENCES users (id),
    channel TEXT NOT NULL DEFAULT 'web',   -- web, api
    client TEXT NOT NULL DEFAULT 'Practice browser',  -- the User-Agent
    custom TEXT NOT NULL DEFAULT '{}',     -- JSON: the metadata sent with the update
    changes TEXT NOT NULL DEFAULT '[]',    -- JSON: the events other than the comment
    created_at TEXT NOT NULL
);
CREATE TABLE comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id),
    audit_id INTEGER NOT NULL REFERENCES audits (id),
    author_id INTEGER NOT NULL REFERENCES users (id),
    body TEXT NOT NULL,
    public INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE uploads (token TEXT PRIMARY KEY, used INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL);
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    comment_id INTEGER REFERENCES comments (id),
    upload_token TEXT REFERENCES uploads (token),
    token TEXT NOT NULL UNIQUE,            -- in the address of the content
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,                 -- bytes
    source TEXT NOT NULL DEFAULT 'stored', -- stored, missing, generated
    content BLOB,
    inline INTEGER NOT NULL DEFAULT 0,     -- within the comment's text
    access TEXT NOT NULL DEFAULT 'open',   -- open, private (credentials are redirected), session (a browser's only)
    malware TEXT NOT NULL DEFAULT 'malware_not_found'
);
CREATE INDEX files_of_comments ON attachments (comment_id);

-- GitLab
CREATE TABLE projects (id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE issues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    iid INTEGER NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'opened',  -- opened, closed
    labels TEXT NOT NULL,                  -- JSON: list of names
    author TEXT NOT NULL,                  -- username
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by TEXT,                        -- username; the author where nobody else is known
    UNIQUE (project_id, iid)
);
CREATE TABLE pipelines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    iid INTEGER NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    ref TEXT NOT NULL,
    status TEXT NOT NULL,                  -- created, running, success, failed
    variables TEXT NOT NULL,               -- JSON: name to value
    trace TEXT NOT NULL DEFAULT '',        -- what the pipeline's one job printed
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT
);

-- Slack
CREATE TABLE channels (id TEXT PRIMARY KEY, name TEXT NOT NULL, is_member INTEGER NOT NULL);
CREATE TABLE messages (
    channel_id TEXT NOT NULL REFERENCES channels (id),
    ts TEXT NOT NULL,                      -- seconds and microseconds, unique within the channel
    text TEXT NOT NULL,
    extras TEXT NOT NULL,                  -- JSON: blocks, metadata, thread_ts
    PRIMARY KEY (channel_id, ts)
);

-- CustomersDot
CREATE TABLE cdot_customers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    company TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE cdot_licenses (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id INTEGER NOT NULL REFERENCES cdot_customers (id),
    zuora_subscription_name TEXT NOT NULL,
    zuora_subscription_id TEXT NOT NULL,
    plan TEXT NOT NULL,
    users INTEGER NOT NULL,
    starts_at TEXT NOT NULL,               -- a date
    expires_at TEXT NOT NULL,              -- a date
    cloud_licensing_enabled INTEGER NOT NULL,
    trial INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE cdot_seat_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    active_user_count INTEGER NOT NULL DEFAULT 117,
    max_historical_user_count INTEGER NOT NULL DEFAULT 121,
    license_user_count INTEGER NOT NULL DEFAULT 120,
    license_starts_on TEXT NOT NULL,
    zuora_subscription_name TEXT NOT NULL,
    zuora_subscription_id TEXT NOT NULL,
    report_timestamp TEXT NOT NULL,
    license_id INTEGER NOT NULL DEFAULT 4200001,
    gitlab_version TEXT NOT NULL DEFAULT '18.5.2-ee',
    hostname TEXT NOT NULL,
    instance_identifier TEXT NOT NULL,
    license_md5 TEXT NOT NULL
);

-- Mail
CREATE TABLE mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    envelope_from TEXT NOT NULL,
    envelope_to TEXT NOT NULL,             -- JSON: list of addresses
    raw BLOB NOT NULL,
    received_at TEXT NOT NULL
);

-- Every kind of thing counts from its own start, so that a mixed-up id finds nothing.
INSERT INTO sqlite_sequence (name, seq) VALUES
    ('organizations', 360000), ('users', 900100), ('audits', 5500000), ('comments', 7700000),
    ('attachments', 8800000), ('issues', 120000), ('pipelines', 2200000),
    ('cdot_customers', 3100000), ('cdot_licenses', 4200000), ('cdot_seat_links', 5300000);
