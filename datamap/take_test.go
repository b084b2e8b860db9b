package datamap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMariaReturns(t *testing.T) {
	for version, want := range map[string]bool{
		"10.11.19-MariaDB-0+deb12u1": true, "10.5.0-MariaDB": true, "11.4.2-MariaDB-log": true, "12.0.1-mariadb": true,
		"10.4.34-MariaDB": false, "5.5.68-MariaDB": false, "8.0.36": false, "8.4.0-commercial": false, "9.0.1-0ubuntu": false, "": false, "x.y-MariaDB": false,
	} {
		require.Equal(t, want, mariaReturns(version), version)
	}
}
