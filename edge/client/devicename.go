package client

import "strings"

// appName is what the web app's sessions are called in a person's list of devices. It says browser and machine, so that somebody who lost a
// phone finds it among their others: "Wardline in Chrome on Android". What a browser says of itself is never trusted for more than this.
func appName(agent string, shared bool) string {
	name := "Wardline web app"
	browser := firstIn(agent, browsers)
	machine := firstIn(agent, machines)
	if browser != "" {
		name = "Wardline in " + browser
	}
	if machine != "" {
		name += " on " + machine
	}
	if shared {
		name += ", shared computer"
	}
	return name
}

// Browsers name those they descend from as well, so the order decides.
var browsers = [][2]string{{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"SamsungBrowser/", "Samsung Internet"}, {"OPR/", "Opera"},
	{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}

var machines = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "Chromebook"}, {"Windows", "Windows"},
	{"Macintosh", "Mac"}, {"Linux", "Linux"}}

func firstIn(agent string, known [][2]string) string {
	for _, k := range known {
		if strings.Contains(agent, k[0]) {
			return k[1]
		}
	}
	return ""
}
