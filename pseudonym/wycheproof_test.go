package pseudonym

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	v, err := hex.DecodeString(s)
	*h = v
	return err
}

type wycheproof struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []struct {
		IVSize  int `json:"ivSize"`
		TagSize int `json:"tagSize"`
		Tests   []struct {
			ID     int      `json:"tcId"`
			Key    hexBytes `json:"key"`
			IV     hexBytes `json:"iv"`
			AAD    hexBytes `json:"aad"`
			Msg    hexBytes `json:"msg"`
			CT     hexBytes `json:"ct"`
			Tag    hexBytes `json:"tag"`
			IKM    hexBytes `json:"ikm"`
			Salt   hexBytes `json:"salt"`
			Info   hexBytes `json:"info"`
			Size   int      `json:"size"`
			OKM    hexBytes `json:"okm"`
			Result string   `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

func loadVectors(t *testing.T, name string) (w wycheproof) {
	b, err := os.ReadFile(filepath.Join("testdata", "wycheproof", name))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &w))
	return w
}

func TestWycheproofAESGCM(t *testing.T) {
	run := 0
	for _, g := range loadVectors(t, "aes_gcm_test.json").TestGroups {
		for _, c := range g.Tests {
			if g.IVSize == 0 || g.TagSize != 128 {
				continue // not a nonce that the standard library can be asked for
			}
			block, err := aes.NewCipher(c.Key)
			require.NoError(t, err)
			gcm, err := cipher.NewGCMWithNonceSize(block, g.IVSize/8)
			require.NoError(t, err)
			if g.IVSize == 8*nonceSize && len(c.Key) == keySize {
				gcm = newGCM(c.Key) // ours
			}
			run++
			got, err := gcm.Open(nil, c.IV, append(bytes.Clone(c.CT), c.Tag...), c.AAD)
			if c.Result == "invalid" {
				require.Error(t, err, "case %d", c.ID)
				continue
			}
			require.NoError(t, err, "case %d", c.ID)
			require.True(t, bytes.Equal(c.Msg, got), "case %d", c.ID)
			require.True(t, bytes.Equal(append(bytes.Clone(c.CT), c.Tag...), gcm.Seal(nil, c.IV, c.Msg, c.AAD)))
		}
	}
	require.Greater(t, run, 300)
}

func TestWycheproofHMAC(t *testing.T) {
	run := 0
	for _, g := range loadVectors(t, "hmac_sha256_test.json").TestGroups {
		for _, c := range g.Tests {
			m := hmac.New(sha256.New, c.Key)
			m.Write(c.Msg)
			ok := hmac.Equal(m.Sum(nil)[:g.TagSize/8], c.Tag)
			require.Equal(t, c.Result == "valid", ok, "case %d", c.ID)
			run++
		}
	}
	require.Equal(t, 174, run)
}

func TestWycheproofHKDF(t *testing.T) {
	run := 0
	for _, g := range loadVectors(t, "hkdf_sha256_test.json").TestGroups {
		for _, c := range g.Tests {
			run++
			got, err := hkdf.Key(sha256.New, c.IKM, c.Salt, string(c.Info), c.Size)
			if c.Result == "invalid" {
				require.True(t, err != nil || !bytes.Equal(got, c.OKM), "case %d", c.ID)
				continue
			}
			require.NoError(t, err, "case %d", c.ID)
			require.True(t, bytes.Equal(c.OKM, got), "case %d", c.ID)
		}
	}
	require.Equal(t, 86, run)
}
