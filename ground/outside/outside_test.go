package outside_test

import (
	"errors"
	"net/netip"
	"testing"

	"wardline/ground/outside"
)

func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"9.9.9.9": true, "2620:fe::fe": true, "::ffff:9.9.9.9": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "fe80::1": false,
		"fe80::1%eth0": false, "2620:fe::fe%eth0": false, "fd00::1": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "255.255.255.255": false, "224.0.0.1": false,
		"ff02::1": false, "192.0.2.1": false, "198.51.100.7": false, "203.0.113.9": false, "2001:db8::1": false, "fec0::1": false, "198.18.0.1": false,
	} {
		if got := outside.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("Public(%s) = %v, want %v", address, got, want)
		}
	}
	if outside.Public(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}

func TestDialled(t *testing.T) {
	if err := outside.Dialled("9.9.9.9:443"); err != nil {
		t.Errorf("a public address: %v", err)
	}
	for _, address := range []string{"127.0.0.1:80", "[fe80::1%1]:80", "[::1]:443", "localhost:80"} {
		if err := outside.Dialled(address); !errors.Is(err, outside.ErrInside) {
			t.Errorf("%s: %v, want ErrInside", address, err)
		}
	}
	if outside.Dialled("9.9.9.9") == nil {
		t.Error("an address without a port passed")
	}
}
