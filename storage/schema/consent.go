package schema

import "github.com/gdprkit/gdprkit/storage"

var consent = []*storage.Table{}

var consentViews = []storage.View{}
