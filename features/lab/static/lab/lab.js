/** What the page of the lab does beside what every page does. */
import "chat/page";
import "lab/clock";
import "lab/sockets";
import "lab/chips";
import "lab/lanes";
import "lab/marks";
import "lab/facts";
import "lab/results";
import "lab/events";
import "lab/controls"; // the last: it opens the sockets
