package schema

import "github.com/gdprkit/gdprkit/storage"

var audit = []*storage.Table{}
