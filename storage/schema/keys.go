package schema

import "github.com/gdprkit/gdprkit/storage"

var keys = []*storage.Table{}
