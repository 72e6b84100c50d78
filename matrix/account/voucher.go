package account

import (
	"context"
	"regexp"
	"time"

	"wardline/ground/db"
	"wardline/ground/fault"
	"wardline/matrix/id"
)

// Voucher is a token that lets people register.
// spec: client-server-api#token-authenticated-registration
type Voucher struct {
	Token     string
	Uses      int64     // how many may register with it, -1 for any number
	Used      int64     // how many have
	ExpiresAt time.Time // zero for never
}

var (
	insertVoucher = db.SQL("account.insert_voucher", `INSERT INTO account_voucher (token, uses, used, expires_at, made_at) VALUES ($1, $2, 0, $3, $4) ON CONFLICT (token) DO NOTHING`)
	updateVoucher = db.SQL("account.update_voucher", `UPDATE account_voucher SET uses = $2, expires_at = $3 WHERE token = $1`)
	deleteVoucher = db.SQL("account.delete_voucher", `DELETE FROM account_voucher WHERE token = $1`)
	readVoucher   = db.SQL("account.read_voucher", `SELECT token, uses, used, expires_at FROM account_voucher WHERE token = $1`)
	listVouchers  = db.SQL("account.list_vouchers", `SELECT token, uses, used, expires_at FROM account_voucher ORDER BY made_at, token LIMIT 10000`)
	useVoucherSQL = db.SQL("account.use_voucher", `UPDATE account_voucher SET used = used + 1 WHERE token = $1 AND (uses < 0 OR used < uses) AND (expires_at = 0 OR expires_at > $2)`)
)

var (
	errVoucher      = fault.New(fault.Forbidden, "M_FORBIDDEN", "The registration token is wrong, used up or has ended.")
	errNoVoucher    = fault.New(fault.NotFound, "M_NOT_FOUND", "There is no such registration token.")
	voucherSpelling = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)
)

func scanVoucher(r db.Row) (v Voucher, err error) {
	var expires int64
	err = r.Scan(&v.Token, &v.Uses, &v.Used, &expires)
	if expires != 0 {
		v.ExpiresAt = time.UnixMilli(expires)
	}
	return v, err
}

// Valid says whether somebody could register with it now.
func (v Voucher) Valid(now time.Time) bool {
	return (v.Uses < 0 || v.Used < v.Uses) && (v.ExpiresAt.IsZero() || v.ExpiresAt.After(now))
}

func millisOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// VoucherValid says whether a token lets somebody register now.
// spec: client-server-api#get_matrixclientv1registermloginregistration_tokenvalidity
func (s *Service) VoucherValid(ctx context.Context, token string) (bool, error) {
	v, err := s.Voucher(ctx, token)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && v.Valid(time.Now()), err
}

// Voucher reads a token; NotFound when there is none.
func (s *Service) Voucher(ctx context.Context, token string) (Voucher, error) {
	v, err := db.One(ctx, s.db, readVoucher, scanVoucher, token)
	if fault.Is(err, fault.NotFound) {
		err = errNoVoucher
	}
	return v, err
}

// Vouchers lists all tokens, oldest first.
func (s *Service) Vouchers(ctx context.Context) ([]Voucher, error) {
	return db.Collect(ctx, s.db, listVouchers, scanVoucher)
}

func (v Voucher) check() error {
	if !voucherSpelling.MatchString(v.Token) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "A registration token has 1 to 64 characters of A-Z, a-z, 0-9 and . _ ~ -.")
	}
	if v.Uses < -1 {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The number of uses must not be negative.")
	}
	if !v.ExpiresAt.IsZero() && !v.ExpiresAt.After(time.Now()) {
		return fault.New(fault.Invalid, "M_INVALID_PARAM", "The token would have ended already.")
	}
	return nil
}

// NewVoucher makes a token, with a name of its own making when it has none. A taken name is Invalid.
func (s *Service) NewVoucher(ctx context.Context, v Voucher) (Voucher, error) {
	if v.Token == "" {
		v.Token = id.NewOpaque(12)
	}
	if err := v.check(); err != nil {
		return v, err
	}
	v.Used = 0
	return v, s.db.Write(ctx, "account.voucher", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, insertVoucher, v.Token, v.Uses, millisOf(v.ExpiresAt), time.Now().UnixMilli())
		if err == nil && n == 0 {
			err = fault.New(fault.Invalid, "M_INVALID_PARAM", "There is such a registration token already.")
		}
		return err
	})
}

// SetVoucher changes how often and how long a token is good, and returns it.
func (s *Service) SetVoucher(ctx context.Context, v Voucher) (Voucher, error) {
	if err := v.check(); err != nil {
		return v, err
	}
	err := s.db.Write(ctx, "account.voucher", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, updateVoucher, v.Token, v.Uses, millisOf(v.ExpiresAt))
		if err == nil && n == 0 {
			err = errNoVoucher
		}
		return err
	})
	if err != nil {
		return v, err
	}
	return s.Voucher(ctx, v.Token)
}

// DeleteVoucher removes a token.
func (s *Service) DeleteVoucher(ctx context.Context, token string) error {
	return s.db.Write(ctx, "account.voucher", func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, deleteVoucher, token)
		if err == nil && n == 0 {
			err = errNoVoucher
		}
		return err
	})
}

// useVoucher uses a token up by one, inside the act that makes the account: of two who come with the last use, one is refused.
func (s *Service) useVoucher(ctx context.Context, tx *db.Tx, token string) error {
	n, err := tx.Exec(ctx, useVoucherSQL, token, time.Now().UnixMilli())
	if err == nil && n == 0 {
		err = errVoucher
	}
	return err
}
