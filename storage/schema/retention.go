package schema

import "github.com/gdprkit/gdprkit/storage"

var retention = []*storage.Table{}

var retentionViews = []storage.View{}
