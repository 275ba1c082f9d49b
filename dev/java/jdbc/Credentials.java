/** Who is let in: everybody where there are no users, and nobody else where there are. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.DriverManager;

final class Credentials {
    private Credentials() {}

    static void run() {
        check("who connects is who it is", () -> {
            is("current_user", value("SELECT current_user"), hasUsers() ? user : "anonymous");
            return value("SELECT current_user");
        });
        if (hasUsers()) {
            refusals();
            tokens();
        } else {
            strangers();
        }
    }

    private static void refusals() {
        check("a wrong password is refused", () ->
                refused("UNAUTHENTICATED", () -> open("", user, "wrong"), "user or password is wrong"));
        check("an empty password is refused", () ->
                refused("UNAUTHENTICATED", () -> open("", user, ""), "user or password is wrong"));
        check("nobody is refused", () -> {
            // Without a user the driver makes no Handshake: the first statement is the first call.
            try (Connection connection = open("", null, null)) {
                return refused("UNAUTHENTICATED", () -> value(connection, "SELECT 1"), "connect with user and password");
            }
        });
        check("a wrong token is refused", () ->
                refused("UNAUTHENTICATED", () -> DriverManager.getConnection(with("token=wrong"))));
    }

    private static void tokens() {
        check("a token reads all endpoints", () -> {
            try (Connection connection = DriverManager.getConnection(
                    with("token=" + token + "&squadron.execution_mode=distributed&squadron.endpoints=all"))) {
                is("rows", Endpoints.sum(connection, "SELECT * FROM lineitem").rows(),
                        Long.parseLong(value("SELECT count(*) FROM lineitem")));
                return value(connection, "SELECT current_user");
            }
        });
        check("a token as the password, with its user's name and with none (Tableau)", () -> {
            for (String name : new String[] {user, "token", ""}) {
                try (Connection connection = open("", name, token)) {
                    is("current_user", value(connection, "SELECT current_user"), user);
                }
            }
            return "";
        });
        settings(user, password);
    }

    /** GUIs have fields for names and passwords, which people fill in. */
    private static void strangers() {
        for (String more : new String[] {"user=someone&password=s%20e%26c", "user=someone", "token=abc"}) {
            check(more.replaceAll("=[^&]*", "") + " where nobody needs any", () -> {
                try (Connection connection = DriverManager.getConnection(with(more))) {
                    is("value", value(connection, "SELECT 1"), "1");
                    return value(connection, "SELECT current_user");
                }
            });
        }
        settings("someone", "x");
    }

    private static void settings(String user, String password) {
        check("settings last for a connection of a user, and are of no other one of theirs", () -> {
            try (Connection connection = open("", user, password); Connection other = open("", user, password)) {
                update(connection, "SET squadron.delivery = 'staged'");
                is("SHOW", setting(connection, "squadron.delivery"), "staged");
                is("SHOW on the other", setting(other, "squadron.delivery"), "streaming");
                return "";
            }
        });
    }
}
