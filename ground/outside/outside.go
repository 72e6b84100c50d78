// Package outside knows which addresses are the internet's and which lead back inside.
//
// An address that a client names must not let it use the server as its hand in places that only the server can reach: the machine
// itself, the trust's network, a provider's own services. Look at Public; whoever calls such an address also gives Dialled to its dialer,
// because a name may lead elsewhere by the time it is used.
package outside

import (
	"errors"
	"net"
	"net/netip"
)

// ErrInside says that an address leads inside.
var ErrInside = errors.New("the address is not one of the public internet")

// lookPublic are addresses that look public and lead elsewhere or nowhere: a provider's own, those for tests and documents, and IPv4
// addresses in the clothes of IPv6.
// spec: rfc6890
var lookPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// Public says whether everybody on the internet could reach an address. One with a zone is of this machine's own links and is not.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.Zone() != "" {
		return false
	}
	for _, p := range lookPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// Dialled looks at the host:port that a dialer is about to call, after names have become addresses, and returns ErrInside for what is
// not Public.
func Dialled(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err != nil || !Public(ip) {
		return ErrInside
	}
	return nil
}
