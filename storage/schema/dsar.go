package schema

import "github.com/gdprkit/gdprkit/storage"

var dsar = []*storage.Table{}
