/**
 * What a check is, and what it says: one line each, {@code PASS}, {@code FAIL} or {@code LIMIT}.
 *
 * <p>A limit is what the driver itself does, whatever a server answers: it passes where the driver does just that, and
 * fails where a driver of the same version does something else, so that it becomes a check.
 */
package jdbc;

import java.math.BigDecimal;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

final class Checks {
    private Checks() {}

    /** What a check does; gives what is worth showing of it. */
    interface Body {
        Object run() throws Exception;
    }

    /** The driver whose limits are known; another one's are shown and not asked for. */
    static final String KNOWN = "18.3.0";

    static String driver = KNOWN;
    static String group = "";
    static int passed;
    static int failed;
    static final List<String> FAILURES = new ArrayList<>();

    static void check(String name, Body body) {
        try {
            Object detail = body.run();
            report("PASS", name, detail == null ? "" : detail.toString());
        } catch (Throwable error) {
            report("FAIL", name, why(error));
        }
    }

    /** What the driver does not do: {@code body} fails with a text that has {@code refusal}. */
    static void limit(String name, String refusal, Body body) {
        try {
            body.run();
        } catch (Throwable error) {
            String reason = why(error);
            report(reason.contains(refusal) ? "LIMIT" : "FAIL", name, reason);
            return;
        }
        boolean known = driver.equals(KNOWN);
        report(known ? "FAIL" : "PASS", name, known ? "the driver can do it: no limit, but a check" : "no limit of " + driver);
    }

    static synchronized void report(String status, String name, String detail) {
        String line = status + " " + group + "." + name + (detail.isEmpty() ? "" : ": " + oneLine(detail));
        System.out.println(line);
        if (status.equals("FAIL")) {
            failed++;
            FAILURES.add(line);
        } else {
            passed++;
        }
    }

    private static String oneLine(String text) {
        String line = text.replace("\r", " ").replace("\n", " ");
        return line.length() <= 600 ? line : line.substring(0, 600) + " …";
    }

    /** What an error says, its causes too, and the gRPC code of the innermost status. */
    static String why(Throwable error) {
        StringBuilder text = new StringBuilder();
        String code = code(error);
        if (code != null) text.append("[").append(code).append("] ");
        String before = "";
        for (Throwable at = error; at != null; at = at.getCause() == at ? null : at.getCause()) {
            String message = String.valueOf(at.getMessage());
            if (before.contains(message)) continue;
            if (text.length() > 0 && !text.toString().endsWith("] ")) text.append(" <- ");
            boolean own = at instanceof AssertionError;
            text.append(own ? "" : at.getClass().getSimpleName() + ": ").append(message);
            before = message;
        }
        return text.toString();
    }

    /** The gRPC code: the driver keeps it in the FlightRuntimeException that is the cause. */
    static String code(Throwable error) {
        Throwable status = flightError(error);
        if (status == null) return null;
        try {
            Object told = status.getClass().getMethod("status").invoke(status);
            return String.valueOf(told.getClass().getMethod("code").invoke(told));
        } catch (ReflectiveOperationException unknown) {
            return null;
        }
    }

    /** The driver's own exception, which is in its jar under another name: found by the end of that. */
    static Throwable flightError(Throwable error) {
        for (Throwable at = error; at != null; at = at.getCause())
            if (at.getClass().getSimpleName().equals("FlightRuntimeException")) return at;
        return null;
    }

    /** It ends in an error of this gRPC code, or of one of several, "A|B", whose text has all of the words. */
    static String refused(String code, Body body, String... words) throws Exception {
        try {
            body.run();
        } catch (SQLException | RuntimeException error) {
            String why = why(error);
            boolean one = Arrays.asList(code.split("\\|")).contains(String.valueOf(code(error)));
            yes(one, "gRPC code is " + code(error) + ", wanted " + code + ": " + why);
            // The driver's own message has the statement, too.
            String told = String.valueOf(flightError(error) == null ? error.getMessage() : flightError(error).getMessage());
            for (String word : words) yes(told.contains(word), "no '" + word + "' in: " + told);
            // next() throws the driver's own exception.
            yes(error instanceof SQLException || flightError(error) == error, "a " + error.getClass().getName() + ": " + why);
            return why;
        }
        fail("it was taken");
        return "";
    }

    static void fail(String why) {
        throw new AssertionError(why);
    }

    static void yes(boolean holds, String otherwise) {
        if (!holds) fail(otherwise);
    }

    static void is(String what, Object found, Object wanted) {
        if (!same(found, wanted)) fail(what + " is " + show(found) + ", wanted " + show(wanted));
    }

    static boolean same(Object found, Object wanted) {
        if (found instanceof byte[] a && wanted instanceof byte[] b) return Arrays.equals(a, b);
        if (found instanceof Number a && wanted instanceof Number b && !(a instanceof Double) && !(a instanceof Float))
            return new BigDecimal(a.toString()).compareTo(new BigDecimal(b.toString())) == 0;
        return Objects.equals(found, wanted);
    }

    static String show(Object value) {
        if (value == null) return "null";
        if (value instanceof byte[] bytes) return "bytes" + Arrays.toString(bytes);
        return "'" + value + "' (" + value.getClass().getSimpleName() + ")";
    }
}
