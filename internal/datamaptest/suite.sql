CREATE TABLE staff (id {auto} PRIMARY KEY, login VARCHAR(20) NOT NULL UNIQUE, full_name VARCHAR(60) NOT NULL, mail VARCHAR(40) NOT NULL UNIQUE, password_hash VARCHAR(80), hired_on DATE){end};
CREATE TABLE countries (code CHAR(2) PRIMARY KEY, label VARCHAR(40)){end};
CREATE TABLE people (id CHAR(36) PRIMARY KEY, given_name VARCHAR(40) NOT NULL, family_name VARCHAR(40) NOT NULL, birth_date DATE, postcode VARCHAR(10), phones {json}, remarks TEXT, owner_id BIGINT, referred_by CHAR(36), restricted SMALLINT NOT NULL DEFAULT 0, deleted SMALLINT NOT NULL DEFAULT 0, created_at {time} NOT NULL, modified_at {time}, FOREIGN KEY (owner_id) REFERENCES staff (id), FOREIGN KEY (referred_by) REFERENCES people (id)){end};
CREATE TABLE people_extra (id_c CHAR(36) PRIMARY KEY, loyalty_no VARCHAR(20), shoe_size VARCHAR(10)){end};
CREATE TABLE people_audit (id CHAR(36) PRIMARY KEY, parent_id CHAR(36) NOT NULL, field_name VARCHAR(40) NOT NULL, before_value VARCHAR(255), after_value TEXT, changed_at {time}){end};
CREATE TABLE prospects (id CHAR(36) PRIMARY KEY, full_name VARCHAR(80), mail VARCHAR(80), person_id CHAR(36), deleted SMALLINT NOT NULL DEFAULT 0){end};
CREATE TABLE mail_addresses (id CHAR(36) PRIMARY KEY, address VARCHAR(120) NOT NULL, address_caps VARCHAR(120), opted_out SMALLINT NOT NULL DEFAULT 0){end};
CREATE TABLE mail_links (id CHAR(36) PRIMARY KEY, mail_id CHAR(36) NOT NULL, owner_id CHAR(36) NOT NULL, owner_type VARCHAR(20) NOT NULL, deleted SMALLINT NOT NULL DEFAULT 0, FOREIGN KEY (mail_id) REFERENCES mail_addresses (id)){end};
CREATE TABLE deals (id {auto} PRIMARY KEY, title VARCHAR(80), contact_ids {json}, closed_on DATE){end};
CREATE TABLE invoices (id {auto} PRIMARY KEY, person_id CHAR(36) NOT NULL, doc_no VARCHAR(20) NOT NULL UNIQUE, issued_on DATE NOT NULL, bill_name VARCHAR(60) NOT NULL, bill_street VARCHAR(60), ship_street VARCHAR(60), total DECIMAL(10,2) NOT NULL, FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE RESTRICT){end};
CREATE TABLE invoice_lines (id {auto} PRIMARY KEY, invoice_id BIGINT NOT NULL, label VARCHAR(60), amount DECIMAL(10,2) NOT NULL, FOREIGN KEY (invoice_id) REFERENCES invoices (id) ON DELETE CASCADE){end};
CREATE TABLE quotes (id {auto} PRIMARY KEY, person_id CHAR(36) NOT NULL, bill_to {json}, signed_on DATE, FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE){end};
CREATE TABLE calls (id CHAR(36) PRIMARY KEY, parent_type VARCHAR(20), parent_id CHAR(36), notes TEXT, started_at {time} NOT NULL, duration_s INTEGER NOT NULL){end};
CREATE TABLE mail_stats (id {auto} PRIMARY KEY, person_id CHAR(36), address VARCHAR(120), ip VARCHAR(45), opened_at {time}, FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE SET NULL){end};
CREATE TABLE visits (id {auto} PRIMARY KEY, person_id CHAR(36) NOT NULL, FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE){end};
CREATE INDEX people_audit_parent ON people_audit (parent_id);
CREATE INDEX mail_links_owner ON mail_links (owner_id);
CREATE INDEX prospects_person ON prospects (person_id);
CREATE INDEX calls_parent ON calls (parent_id);
CREATE INDEX calls_start ON calls (started_at);
CREATE INDEX invoices_issued ON invoices (issued_on);
INSERT INTO countries VALUES ('NL', 'Netherlands'), ('BE', 'Belgium');
INSERT INTO staff VALUES (1, 'DAVE', 'DAVE Desk', 'dave@DAVE.example', 'DAVE-hash', '2015-05-05'), (2, 'EVE', 'EVE Sales', 'eve@EVE.example', 'EVE-hash', '2016-06-06');
INSERT INTO people (id, given_name, family_name, birth_date, postcode, phones, remarks, owner_id, referred_by, deleted, created_at, modified_at) VALUES
 ('p0000000-0000-4000-8000-000000000001', 'ALICE', 'ALICE-Jansen', '1980-05-17', '1234AB', '[{"type":"work","number":"+31 6 1111 0001"},{"type":"home","number":"ALICE-010-1110002"}]', 'ALICE prefers to be called in the morning', 1, NULL, 0, '2019-01-01 10:00:00', '2026-01-01 00:00:00'),
 ('p0000000-0000-4000-8000-000000000002', 'BOB', 'BOB-Jansen', '1981-06-18', '1234CD', '[{"type":"work","number":"+31 6 2222 0001"}]', 'BOB remark', 2, 'p0000000-0000-4000-8000-000000000001', 0, '2019-02-01 10:00:00', '2026-01-01 00:00:00'),
 ('p0000000-0000-4000-8000-000000000003', 'CAROL', 'CAROL-Smit', '1990-01-01', '9999ZZ', NULL, NULL, 1, NULL, 1, '2018-02-01 10:00:00', '2026-01-01 00:00:00'),
 ('p0000000-0000-4000-8000-000000000004', 'FRANK', 'FRANK-Vos', NULL, NULL, '[]', NULL, NULL, NULL, 0, '2018-02-01 10:00:00', '2026-01-01 00:00:00');
INSERT INTO people_extra VALUES ('p0000000-0000-4000-8000-000000000001', 'ALICE-77', 'ALICE-38'), ('p0000000-0000-4000-8000-000000000002', 'BOB-78', 'BOB-44');
INSERT INTO people_audit VALUES ('a0000000-0000-4000-8000-000000000001', 'p0000000-0000-4000-8000-000000000001', 'family_name', 'ALICE-Maiden', 'ALICE-Jansen', '2020-01-01 00:00:00'),
 ('a0000000-0000-4000-8000-000000000002', 'p0000000-0000-4000-8000-000000000002', 'given_name', 'BOB-Old', 'BOB', '2020-01-01 00:00:00');
INSERT INTO prospects VALUES ('l0000000-0000-4000-8000-000000000001', 'ALICE ALICE-Jansen', 'only@ALICE.example', 'p0000000-0000-4000-8000-000000000001', 0),
 ('l0000000-0000-4000-8000-000000000002', 'GRACE Unknown', 'Only@ALICE.example', NULL, 0), ('l0000000-0000-4000-8000-000000000003', 'HEIDI', 'heidi@HEIDI.example', NULL, 1);
INSERT INTO mail_addresses VALUES ('m0000000-0000-4000-8000-000000000001', 'family@jansen.example', 'FAMILY@JANSEN.EXAMPLE', 1),
 ('m0000000-0000-4000-8000-000000000002', 'only@ALICE.example', 'ONLY@ALICE.EXAMPLE', 0), ('m0000000-0000-4000-8000-000000000003', 'bob@BOB.example', 'BOB@BOB.EXAMPLE', 0);
INSERT INTO mail_links VALUES ('k0000000-0000-4000-8000-000000000001', 'm0000000-0000-4000-8000-000000000001', 'p0000000-0000-4000-8000-000000000001', 'People', 0),
 ('k0000000-0000-4000-8000-000000000002', 'm0000000-0000-4000-8000-000000000001', 'p0000000-0000-4000-8000-000000000002', 'People', 0),
 ('k0000000-0000-4000-8000-000000000003', 'm0000000-0000-4000-8000-000000000002', 'p0000000-0000-4000-8000-000000000001', 'People', 1),
 ('k0000000-0000-4000-8000-000000000004', 'm0000000-0000-4000-8000-000000000003', 'p0000000-0000-4000-8000-000000000002', 'People', 0),
 ('k0000000-0000-4000-8000-000000000005', 'm0000000-0000-4000-8000-000000000003', 'p0000000-0000-4000-8000-000000000001', 'Accounts', 0);
INSERT INTO deals VALUES (1, 'Roof', '["p0000000-0000-4000-8000-000000000001", "p0000000-0000-4000-8000-000000000002"]', '2024-04-04'), (2, 'Wall of ALICE', '["p0000000-0000-4000-8000-000000000001"]', NULL), (3, 'Door', '["p0000000-0000-4000-8000-000000000002"]', NULL);
INSERT INTO invoices VALUES (1, 'p0000000-0000-4000-8000-000000000001', 'INV-1', '2015-03-03', 'ALICE Jansen', 'ALICE street 1', 'ALICE ship 1', 10.50), (2, 'p0000000-0000-4000-8000-000000000001', 'INV-2', '2024-03-03', 'ALICE Jansen', 'ALICE street 1', NULL, 20.00),
 (3, 'p0000000-0000-4000-8000-000000000002', 'INV-3', '2024-03-03', 'BOB Jansen', 'BOB street 1', 'BOB ship', 30.00);
INSERT INTO invoice_lines VALUES (1, 1, 'Tiles', 10.50), (2, 2, 'Bricks', 20.00), (3, 3, 'Door', 30.00);
INSERT INTO quotes VALUES (1, 'p0000000-0000-4000-8000-000000000001', '{"name":"ALICE Jansen","city":"ALICE-town","ref":"Q1"}', '2025-05-05'), (2, 'p0000000-0000-4000-8000-000000000002', '{"name":"BOB","ref":"Q2"}', '2025-05-05');
INSERT INTO calls VALUES ('c0000000-0000-4000-8000-000000000001', 'People', 'p0000000-0000-4000-8000-000000000001', 'ALICE called', '2024-01-02 09:30:00', 360), ('c0000000-0000-4000-8000-000000000002', 'Accounts', 'p0000000-0000-4000-8000-000000000001', 'an account with the id of a person', '2024-01-02 09:30:00', 60),
 ('c0000000-0000-4000-8000-000000000003', 'People', 'p0000000-0000-4000-8000-000000000002', 'BOB called', '2025-01-02 09:30:00', 30);
INSERT INTO mail_stats VALUES (1, 'p0000000-0000-4000-8000-000000000001', 'only@ALICE.example', '10.0.0.1', '2024-01-01 00:00:00'), (2, 'p0000000-0000-4000-8000-000000000002', 'bob@BOB.example', '10.0.0.2', '2024-01-01 00:00:00'), (3, NULL, 'lost@nobody.example', NULL, NULL);
INSERT INTO visits VALUES (1, 'p0000000-0000-4000-8000-000000000003'), (2, 'p0000000-0000-4000-8000-000000000002');
