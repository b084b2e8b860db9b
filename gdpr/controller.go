package gdpr

import "time"

// Role says in which capacity a tenant processes personal data.
type Role string

// The roles of GDPR arts. 4(7), 4(8) and 26.
const (
	RoleController Role = "controller"
	RoleProcessor  Role = "processor"
	RoleJoint      Role = "joint"
)

// Controller is the natural or legal person that determines purposes and means
// (GDPR art. 4(7)). Consent records, receipts and letters carry it.
type Controller struct {
	Name           string   `json:"name"`                     // full legal name
	Address        string   `json:"address"`                  // postal address, lines separated by "\n"
	Contact        string   `json:"contact"`                  // e-mail or URL for data subjects
	Representative string   `json:"representative,omitempty"` // art. 27, for a controller outside the Union
	DPO            string   `json:"dpo,omitempty"`            // contact of the data protection officer, art. 37(7)
	Authority      string   `json:"authority,omitempty"`      // lead supervisory authority, art. 77
	Country        string   `json:"country"`                  // ISO 3166-1 alpha-2, upper case
	Land           string   `json:"land,omitempty"`           // German Land, ISO 3166-2 without "DE-", for public holidays
	TimeZone       string   `json:"timeZone"`                 // IANA name; legal periods are counted in it
	YearEnd        string   `json:"yearEnd,omitempty"`        // end of the financial year, "MM-DD"; default "12-31"
	Languages      []string `json:"languages,omitempty"`      // BCP 47, preferred first; default "en"
	JointWith      []string `json:"jointWith,omitempty"`      // names of joint controllers, art. 26
	Role           Role     `json:"role,omitempty"`           // default RoleController
}

// Check reports the first field that is missing or malformed.
func (c *Controller) Check() error {
	switch {
	case c.Name == "":
		return Invalid("Controller.Name", "is empty (GDPR art. 13(1)(a) asks for the identity)")
	case c.Contact == "":
		return Invalid("Controller.Contact", "is empty (GDPR art. 13(1)(a) asks for contact details)")
	case len(c.Country) != 2 || c.Country[0] < 'A' || c.Country[0] > 'Z' || c.Country[1] < 'A' || c.Country[1] > 'Z':
		return Invalid("Controller.Country", "must be two upper-case letters of ISO 3166-1")
	}
	switch c.Role {
	case "", RoleController, RoleProcessor, RoleJoint:
	default:
		return Invalid("Controller.Role", "must be controller, processor or joint")
	}
	if _, err := c.Location(); err != nil {
		return err
	}
	_, _, err := c.FinancialYearEnd()
	return err
}

// Location returns the time zone in which the controller's legal periods are
// counted. An empty TimeZone is refused: UTC would move deadlines by a day.
func (c *Controller) Location() (*time.Location, error) {
	if c.TimeZone == "" {
		return nil, Invalid("Controller.TimeZone", "is empty; give an IANA name such as Europe/Amsterdam")
	}
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil || loc == time.Local { // "Local" is another zone in each process
		return nil, Invalid("Controller.TimeZone", "is not a known IANA name (the names come from the system, or from package time/tzdata)")
	}
	return loc, nil
}

// FinancialYearEnd returns month and day of the end of the financial year,
// 31 December unless YearEnd says otherwise. 29 February is clamped to 28 in
// common years by the calendar that uses it.
func (c *Controller) FinancialYearEnd() (time.Month, int, error) {
	if c.YearEnd == "" {
		return time.December, 31, nil
	}
	t, err := time.Parse("2006-01-02", "2000-"+c.YearEnd) // a leap year, so that 02-29 parses
	if err != nil {
		return 0, 0, Invalid("Controller.YearEnd", "must have the form MM-DD")
	}
	return t.Month(), t.Day(), nil
}
