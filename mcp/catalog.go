// The catalogue: all tools, in the order clients see them.

package mcp

import "slices"

// catalog lists every tool once. Each noun's file gives its own tools; the order here is the order of tools/list.
func catalog(version, howToConnect string) []Tool {
	return slices.Concat(
		whoamiTools(version, howToConnect),
		listingTools(),
		availabilityTools(),
		reservationTools(),
		guestTools(),
		financeTools(),
		messageTools(),
		listingChangeTools(),
	)
}
