package syncer

import (
	"context"
	"errors"
	"fmt"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// identityDoc holds the shop and owner that a connection was first verified with.
const identityDoc = "identity"

// Verify checks a connection's credentials with real reads, on those of its two
// sides that can: *totalgest.Client and *framework360.Client do. A connection
// that was paused goes on when both are well. Credentials of another shop or
// owner than those it was first verified with are refused with
// [totalgest.ErrMismatch]: they would export this shop's orders to a stranger.
func (s *Syncer) Verify(ctx context.Context, connection string) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	err = errors.Join(s.verifyERP(ctx, c), s.verifyShop(ctx, c))
	switch {
	case err == nil:
		c.health.resume()
	case classify(err) == connectionWide:
		c.health.pause(err)
	}
	return err
}

func (s *Syncer) verifyERP(ctx context.Context, c *conn) error {
	v, ok := c.TotalGest.(interface {
		Verify(context.Context) (totalgest.Report, error)
	})
	if !ok {
		return nil
	}
	report, err := v.Verify(ctx)
	if err != nil {
		return fmt.Errorf("verify TotalGest: %w", err)
	}
	return s.keepIdentity(ctx, c, report.Account.ShopID+"/"+report.Account.OwnerID)
}

// keepIdentity remembers the first identity and refuses any other.
func (s *Syncer) keepIdentity(ctx context.Context, c *conn, identity string) error {
	have, err := s.store.Doc(ctx, c.ID, identityDoc)
	switch {
	case errors.Is(err, ErrNotFound):
		err = s.store.PutDoc(ctx, &Doc{Connection: c.ID, Name: identityDoc, Data: []byte(identity)})
		if errors.Is(err, ErrStale) { // another process was first: with the same one, or not
			return s.keepIdentity(ctx, c, identity)
		}
	case err == nil && string(have.Data) != identity:
		return fmt.Errorf("syncer: connection %s belongs to shop/owner %s of TotalGest, these credentials to %s: make a new connection for another shop: %w", c.ID, have.Data, identity, totalgest.ErrMismatch)
	}
	if err != nil {
		return fmt.Errorf("syncer: keep the identity: %w", err)
	}
	return nil
}

func (s *Syncer) verifyShop(ctx context.Context, c *conn) error {
	v, ok := c.Framework360.(interface {
		Verify(context.Context) (framework360.Report, error)
	})
	if !ok {
		return nil
	}
	report, err := v.Verify(ctx)
	if err == nil {
		return nil
	}
	var bad []error
	for _, check := range report.Checks {
		if check.Err != nil && !(c.PluginIsFine && errors.Is(check.Err, framework360.ErrPluginActive)) {
			bad = append(bad, fmt.Errorf("verify the shop: %w", check.Err))
		}
	}
	return errors.Join(bad...)
}

// again checks a paused connection before a cycle: it costs a few reads, and
// saves the many that would be refused.
func (s *Syncer) again(ctx context.Context, c *conn) error {
	if !c.health.paused() {
		return nil
	}
	return s.Verify(ctx, c.ID)
}
