package sqltest_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// cutter stands between a driver and its server and cuts the connection at a
// chosen moment.
type cutter struct {
	at      atomic.Pointer[string] // the statement to wait for; nil: cut nothing
	deliver atomic.Bool            // whether it still reaches the server
	cuts    atomic.Int64
	mu      sync.Mutex
	conns   []net.Conn
}

// proxy listens on loopback and returns its address.
func (c *cutter) proxy(t *testing.T, server string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		l.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, conn := range c.conns {
			conn.Close()
		}
	})
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				down.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, down, up)
			c.mu.Unlock()
			var quiet atomic.Bool
			go c.copy(up, down, &quiet)
			go c.answer(down, up, &quiet)
		}
	}()
	return l.Addr().String()
}

// copy passes on what the driver says.
func (c *cutter) copy(up, down net.Conn, quiet *atomic.Bool) {
	defer up.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := down.Read(buf)
		text := bytes.ReplaceAll(bytes.ToLower(buf[:n]), []byte("committed"), nil)
		if at := c.at.Load(); at != nil && bytes.Contains(text, []byte(*at)) {
			c.at.Store(nil)
			quiet.Store(true)
			c.cuts.Add(1)
			if !c.deliver.Load() {
				down.Close()
				return
			}
		}
		if _, werr := up.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// answer passes on what the server says, until the cut.
func (c *cutter) answer(down, up net.Conn, quiet *atomic.Bool) {
	defer down.Close()
	buf := make([]byte, 1<<16)
	for {
		n, err := up.Read(buf)
		if err != nil || quiet.Load() {
			return
		}
		if _, err := down.Write(buf[:n]); err != nil {
			return
		}
	}
}

// through returns the DSN with the proxy in the place of the server.
func (c *cutter) through(t *testing.T, e *sqltest.Engine, dsn string) string {
	if e.Dialect == sqlstore.MySQL {
		cfg, err := mysql.ParseDSN(dsn)
		require.NoError(t, err)
		cfg.Addr = c.proxy(t, cfg.Addr)
		cfg.Logger = &mysql.NopLogger{}
		return cfg.FormatDSN()
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.Host = c.proxy(t, u.Host)
	return u.String()
}

func TestRule06ConnectionLost(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite has no connection to lose")
		}
		dsn := e.DSN(t)
		direct := e.DB(t, e.SQL(t, dsn), nil)
		for _, at := range []string{"commit", "cut-me-here"} {
			for _, deliver := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/delivered=%v", at, deliver), func(t *testing.T) {
					c := new(cutter)
					db := e.New(t, e.SQL(t, c.through(t, e, dsn)), nil)
					name := fmt.Sprint("of ", at[:3], deliver)
					s, tenant := db.Tenant(name), direct.Tenant(name)
					lease(t, t.Context(), s, "a", "0")
					c.deliver.Store(deliver)
					c.at.Store(&at)
					runs := 0
					err := db.InTx(t.Context(), func(ctx context.Context) error {
						runs++
						if _, err := s.Apply(ctx, newLease.With("b", "1", 0, 0)); err != nil {
							return err
						}
						_, err := s.Apply(ctx, setOwner.With("cut-me-here", "a"))
						return err
					})
					require.Equal(t, int64(1), c.cuts.Load())
					if at != "commit" { // the transaction is surely gone
						require.NoError(t, err)
						require.Equal(t, 2, runs)
						require.Equal(t, int64(1), db.Stats().Lost)
						require.Equal(t, "cut-me-here", owner(t, t.Context(), tenant, "a"))
						return
					}
					require.ErrorIs(t, err, storage.ErrOutcomeUnknown)
					require.Equal(t, 1, runs)
					require.Equal(t, int64(1), db.Stats().Unknown)
					want := "0"
					if deliver {
						want = "cut-me-here"
					}
					require.Eventually(t, func() bool { return owner(t, t.Context(), tenant, "a") == want }, 5e9, 1e7)
				})
			}
		}
		t.Run("write on its own", func(t *testing.T) {
			c := new(cutter)
			db := e.New(t, e.SQL(t, c.through(t, e, dsn)), nil)
			s := db.Tenant(t.Name())
			lease(t, t.Context(), s, "a", "0")
			at := "cut-me-here"
			c.deliver.Store(true)
			c.at.Store(&at)
			_, err := s.Apply(t.Context(), newLease.With("b", "cut-me-here", 0, 0))
			require.ErrorIs(t, err, storage.ErrOutcomeUnknown)
			require.Equal(t, int64(1), db.Stats().Unknown)
		})
		t.Run("host", func(t *testing.T) {
			c := new(cutter)
			db := e.New(t, e.SQL(t, c.through(t, e, dsn)), nil)
			s := db.Tenant(t.Name())
			lease(t, t.Context(), s, "a", "0")
			tx := begin(t, db.SQL(), nil)
			ctx := db.WithTx(t.Context(), tx)
			lease(t, ctx, s, "b", "1")
			at := "cut-me-here"
			c.at.Store(&at)
			_, err := s.Apply(ctx, setOwner.With("cut-me-here", "a"))
			require.ErrorContains(t, err, "connection lost")
			_, err = s.Apply(ctx, setOwner.With("x", "a"))
			require.ErrorIs(t, err, storage.ErrTxFailed)
			require.Error(t, tx.Commit())
			require.Equal(t, "0", owner(t, t.Context(), direct.Tenant(t.Name()), "a"))
		})
	})
}
