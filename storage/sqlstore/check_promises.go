package sqlstore

import "strings"

// promises looks at settings that break a promise only together with others.
func (c *checker) promises() {
	switch c.db.dialect {
	case SQLite:
		c.wrong("read_uncommitted", "PRAGMA read_uncommitted", "0", "setting",
			"leave PRAGMA read_uncommitted off; otherwise a decision may rest on what is never committed")
		c.wrong("query_only", "PRAGMA query_only", "0", "setting",
			"give New the pool that writes; one that only reads is for Options.Reader")
	case Postgres:
		names, _ := c.ask("SHOW synchronous_standby_names")
		if commit, _ := c.ask("SHOW synchronous_commit"); names != "" && commit == "local" {
			c.add("setting", "synchronous_commit is local although there is a synchronous standby",
				"set synchronous_commit = on for the application's role; otherwise a fail-over loses acknowledged changes")
		}
	case MySQL:
		c.mysql()
	}
}

func (c *checker) mysql() {
	c.wrong("autocommit", "SELECT @@autocommit", "1", "setting",
		"set autocommit=1 in the DSN; otherwise what is written outside a transaction is never committed")
	vars, err := c.db.variables(c.ctx)
	if err != nil {
		return
	}
	if level := vars["isolation"]; level == "READ-UNCOMMITTED" {
		c.add("setting", "transaction_isolation is "+level,
			"set READ-COMMITTED or REPEATABLE-READ; otherwise a decision may rest on what is never committed")
	}
	if on, _ := c.ask("SELECT @@log_bin"); on == "1" {
		c.wrong("binlog_format", "SELECT @@binlog_format", "ROW MIXED", "setting",
			"set binlog_format=ROW; with STATEMENT no transaction at READ COMMITTED can write")
	}
	if !strings.EqualFold(vars["wsrep_on"], "ON") {
		return
	}
	if wait := vars["wsrep_sync_wait"]; wait == "" || (wait[len(wait)-1]-'0')&1 == 0 { // bit 0: reads
		do := "set wsrep_sync_wait=1 in the DSN; otherwise a decision may miss what another node has committed"
		if strings.Contains(vars["version"], "MariaDB") {
			do += ", if it is made in a transaction given to WithTx: InTx and decisions outside transactions wait by themselves"
		}
		c.add("causal", "wsrep_sync_wait is "+wait, "%s", do)
	}
}

// wrong adds a finding if a value is none of those that are good.
func (c *checker) wrong(name, query, good, code, do string) {
	v, err := c.ask(query)
	if err != nil {
		return
	}
	for _, g := range strings.Fields(good) {
		if strings.EqualFold(v, g) {
			return
		}
	}
	c.add(code, name+" is "+v, "%s", do)
}

// seesTriggers reports whether this role would see triggers if there were any:
// MySQL shows them only to those who may change them, which a role without DDL
// rights may not.
func (c *checker) seesTriggers() bool {
	if c.db.dialect != MySQL {
		return true
	}
	n, err := c.ask("SELECT count(*) FROM (SELECT privilege_type FROM information_schema.user_privileges" +
		" UNION ALL SELECT privilege_type FROM information_schema.schema_privileges WHERE table_schema = DATABASE()" +
		" UNION ALL SELECT privilege_type FROM information_schema.table_privileges WHERE table_schema = DATABASE()) p WHERE privilege_type = 'TRIGGER'")
	return err != nil || n != "0"
}
