/** What every page of a person does. */
import "chat/socket";
import "chat/returning";
import "chat/catch_up";
import "chat/outbox";
import "chat/sender";
import "chat/sidebar";
import "chat/stranded";
import "chat/unread";
import "chat/title";
import "chat/presence";
import "chat/banner";
import "chat/which_consumer";
import "chat/drawer";
import "chat/theme_switch";
import "chat/copy";
import "chat/filter";
