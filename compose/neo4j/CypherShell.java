import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.neo4j.driver.AuthTokens;
import org.neo4j.driver.Config;
import org.neo4j.driver.Driver;
import org.neo4j.driver.GraphDatabase;
import org.neo4j.driver.Logging;
import org.neo4j.driver.Query;
import org.neo4j.driver.Record;
import org.neo4j.driver.Result;
import org.neo4j.driver.Session;
import org.neo4j.driver.SessionConfig;
import org.neo4j.driver.Transaction;
import org.neo4j.driver.Value;
import org.neo4j.driver.exceptions.Neo4jException;
import org.neo4j.driver.summary.Plan;
import org.neo4j.driver.summary.ProfiledPlan;
import org.neo4j.driver.summary.ResultSummary;
import org.neo4j.driver.summary.SummaryCounters;

/** A small client with the most used options and commands of Neo4j's cypher-shell, which no package registry has. */
public class CypherShell {
    static final String USAGE = "usage: cypher-shell [-a ADDRESS] [-u USERNAME] [-p PASSWORD] [-d DATABASE] [-f FILE] [--format auto|plain|verbose]"
            + " [--access-mode read|write] [-P NAME=>VALUE] [--fail-fast|--fail-at-end] [CYPHER]";
    static final String HELP = """
            A stand-in for Neo4j's cypher-shell. A statement ends with a semicolon.
              :begin, :commit, :rollback   a transaction of several statements
              :param NAME => VALUE         a parameter, $NAME in statements
              :help, :exit
            """;

    /** Ends each answer and each prompt for the script that reads the lines at a terminal. */
    static final char RECORD_SEPARATOR = '\036';

    final Session session;
    final Map<String, Object> parameters = new HashMap<>();
    final boolean table;
    final boolean atTerminal;
    final boolean failFast;
    Transaction transaction;
    boolean failed;

    CypherShell(Session session, boolean table, boolean atTerminal, boolean failFast) {
        this.session = session;
        this.table = table;
        this.atTerminal = atTerminal;
        this.failFast = failFast;
    }

    public static void main(String[] args) throws Exception {
        String address = env("NEO4J_ADDRESS", env("NEO4J_URI", "neo4j://localhost:7687")), user = env("NEO4J_USERNAME", "neo4j");
        String password = env("NEO4J_PASSWORD", ""), database = env("NEO4J_DATABASE", "neo4j"), file = null, format = "auto";
        boolean atTerminal = false, failFast = true, read = false;
        List<String> parameters = new ArrayList<>();
        StringBuilder query = new StringBuilder();
        for (int i = 0; i < args.length; i++) {
            String option = args[i], value = null;
            if (option.startsWith("--") && option.contains("=")) {
                value = option.substring(option.indexOf('=') + 1);
                option = option.substring(0, option.indexOf('='));
            }
            switch (option) {
                case "-a", "--address", "--uri" -> address = value != null ? value : args[++i];
                case "-u", "--username" -> user = value != null ? value : args[++i];
                case "-p", "--password" -> password = value != null ? value : args[++i];
                case "-d", "--database" -> database = value != null ? value : args[++i];
                case "-f", "--file" -> file = value != null ? value : args[++i];
                case "-P", "--param" -> parameters.add(value != null ? value : args[++i]);
                case "--access-mode" -> read = "read".equals(value != null ? value : args[++i]);
                case "--format" -> format = value != null ? value : args[++i];
                case "--fail-fast" -> failFast = true;
                case "--fail-at-end" -> failFast = false;
                case "--non-interactive" -> { }
                case "--at-terminal" -> atTerminal = true;
                case "-h", "--help" -> {
                    System.out.println(USAGE);
                    return;
                }
                default -> {
                    if (option.startsWith("-")) {
                        System.err.println("unknown option " + option + "\n" + USAGE);
                        System.exit(1);
                    }
                    query.append(query.isEmpty() ? "" : " ").append(option);
                }
            }
        }
        Config config = Config.builder().withLogging(Logging.none()).build();
        // One server: nobody has to be asked which one answers.
        address = address.replaceFirst("^neo4j(\\+s|\\+ssc)?://", "bolt$1://");
        if (!address.contains("://")) {
            address = "bolt://" + address;
        }
        boolean failed;
        try (Driver driver = GraphDatabase.driver(address, password.isEmpty() ? AuthTokens.none() : AuthTokens.basic(user, password), config);
                Session session = driver.session(SessionConfig.builder().withDatabase(database)
                        .withDefaultAccessMode(read ? org.neo4j.driver.AccessMode.READ : org.neo4j.driver.AccessMode.WRITE).build())) {
            boolean table = format.equals("verbose") || (format.equals("auto") && atTerminal);
            CypherShell shell = new CypherShell(session, table, atTerminal, failFast);
            for (String parameter : parameters) {
                shell.command(":param " + parameter);
            }
            if (file != null) {
                shell.text(Files.readString(Path.of(file)));
            } else if (!query.isEmpty()) {
                shell.text(query + ";");
            } else {
                if (atTerminal) {
                    driver.verifyConnectivity();
                }
                shell.lines(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), user);
            }
            failed = shell.failed && !atTerminal;
        } catch (Neo4jException e) {
            System.err.println(e.getMessage());
            failed = true;
        }
        System.exit(failed ? 1 : 0);
    }

    static String env(String name, String fallback) {
        return System.getenv(name) == null ? fallback : System.getenv(name);
    }

    /** Runs all statements of a text. */
    void text(String text) {
        Splitter splitter = new Splitter();
        for (String line : text.split("\n", -1)) {
            if (!line(splitter, line)) {
                return;
            }
        }
        String rest = splitter.rest();
        if (!rest.isBlank()) {
            statement(rest);
        }
    }

    /** Runs statements as their lines arrive. */
    void lines(BufferedReader reader, String user) throws Exception {
        Splitter splitter = new Splitter();
        if (atTerminal) {
            System.out.print("Connected as " + user + ". This is a small stand-in for Neo4j's cypher-shell; :help lists its commands.\n");
            prompt(splitter, user);
        }
        for (String line; (line = reader.readLine()) != null; ) {
            if (!line(splitter, line)) {
                return;
            }
            if (atTerminal) {
                prompt(splitter, user);
            }
        }
        String rest = splitter.rest();
        if (!rest.isBlank() && !atTerminal) {
            statement(rest);
        }
    }

    void prompt(Splitter splitter, String user) {
        String prompt = splitter.isEmpty() ? user + "@neo4j" + (transaction != null ? "# " : "> ") : " ".repeat(user.length() + 5) + " ";
        System.out.print(RECORD_SEPARATOR + prompt + RECORD_SEPARATOR);
        System.out.flush();
    }

    /** Whether the shell goes on after the line. */
    boolean line(Splitter splitter, String line) {
        if (splitter.isEmpty() && line.strip().startsWith(":")) {
            return command(line.strip()) && !(failed && failFast && !atTerminal);
        }
        for (String statement : splitter.add(line)) {
            statement(statement);
            if (failed && failFast && !atTerminal) {
                return false;
            }
        }
        return true;
    }

    /** Whether the shell goes on after the command. */
    boolean command(String line) {
        String command = line.replaceFirst("\\s*;$", "");
        String name = command.split("\\s+")[0];
        try {
            switch (name) {
                case ":exit", ":quit" -> {
                    return false;
                }
                case ":help" -> System.out.print(HELP);
                case ":begin" -> {
                    if (transaction != null) {
                        error("There is already an open transaction");
                    } else {
                        transaction = session.beginTransaction();
                    }
                }
                case ":commit", ":rollback" -> {
                    Transaction open = transaction;
                    transaction = null;
                    if (open == null) {
                        error("There is no open transaction");
                    } else if (name.equals(":commit")) {
                        open.commit();
                    } else {
                        open.rollback();
                    }
                }
                case ":param", ":params" -> {
                    String[] pair = command.substring(name.length()).strip().split("\\s*(=>|:)\\s*", 2);
                    if (pair.length == 2) {
                        parameters.put(pair[0], session.run("RETURN " + pair[1] + " AS value").single().get("value").asObject());
                    } else {
                        parameters.forEach((key, value) -> System.out.println(key + " => " + value));
                    }
                }
                default -> error("unknown command " + name + "; :help lists the commands");
            }
        } catch (Neo4jException e) {
            error(e.getMessage());
        }
        return true;
    }

    void error(String message) {
        failed = true;
        System.out.flush();
        System.err.println(message);
        System.err.flush();
    }

    void statement(String statement) {
        try {
            Query query = new Query(statement, parameters);
            Result result = transaction != null ? transaction.run(query) : session.run(query);
            List<String> keys = result.keys();
            List<List<String>> rows = new ArrayList<>();
            for (Record row : result.list()) {
                List<String> cells = new ArrayList<>();
                row.values().forEach(value -> cells.add(show(value)));
                rows.add(cells);
            }
            ResultSummary summary = result.consume();
            if (!keys.isEmpty()) {
                print(keys, rows);
            }
            if (summary.hasProfile()) {
                plan(summary.profile(), 0);
                System.out.println("database accesses: " + hits(summary.profile()));
            } else if (summary.hasPlan()) {
                plan(summary.plan(), 0);
            }
            if (table) {
                counters(rows.size(), keys.isEmpty(), summary.counters());
            }
        } catch (Neo4jException e) {
            // After an error, the server has ended the transaction.
            if (transaction != null) {
                transaction.close();
                transaction = null;
                error(e.getMessage() + "\nThe transaction has been rolled back.");
            } else {
                error(e.getMessage());
            }
        }
    }

    void print(List<String> keys, List<List<String>> rows) {
        if (!table) {
            System.out.println(String.join(", ", keys));
            rows.forEach(row -> System.out.println(String.join(", ", row)));
            return;
        }
        int[] widths = new int[keys.size()];
        for (int i = 0; i < widths.length; i++) {
            widths[i] = keys.get(i).length();
            for (List<String> row : rows) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder rule = new StringBuilder("+");
        for (int width : widths) {
            rule.append("-".repeat(width + 2)).append('+');
        }
        System.out.println(rule);
        row(widths, keys);
        System.out.println(rule);
        rows.forEach(row -> row(widths, row));
        System.out.println(rule);
    }

    static void row(int[] widths, List<String> cells) {
        StringBuilder line = new StringBuilder("|");
        for (int i = 0; i < widths.length; i++) {
            line.append(' ').append(cells.get(i)).append(" ".repeat(widths[i] - cells.get(i).length())).append(" |");
        }
        System.out.println(line);
    }

    static void counters(int rows, boolean noRows, SummaryCounters counters) {
        List<String> parts = new ArrayList<>();
        if (!noRows) {
            parts.add(rows == 1 ? "1 row" : rows + " rows");
        }
        part(parts, counters.nodesCreated(), "nodes created");
        part(parts, counters.nodesDeleted(), "nodes deleted");
        part(parts, counters.relationshipsCreated(), "relationships created");
        part(parts, counters.relationshipsDeleted(), "relationships deleted");
        part(parts, counters.propertiesSet(), "properties set");
        part(parts, counters.labelsAdded(), "labels added");
        part(parts, counters.labelsRemoved(), "labels removed");
        part(parts, counters.indexesAdded(), "indexes added");
        part(parts, counters.indexesRemoved(), "indexes removed");
        part(parts, counters.constraintsAdded(), "constraints added");
        part(parts, counters.constraintsRemoved(), "constraints removed");
        System.out.println(parts.isEmpty() ? "nothing changed" : String.join(", ", parts));
    }

    static void part(List<String> parts, int number, String name) {
        if (number > 0) {
            parts.add(number + " " + name);
        }
    }

    static String show(Value value) {
        return switch (value.type().name()) {
            case "NODE" -> "(:" + String.join(":", value.asNode().labels()) + properties(value.asNode().asMap(v -> show(v))) + ")";
            case "RELATIONSHIP" -> "[:" + value.asRelationship().type() + properties(value.asRelationship().asMap(v -> show(v))) + "]";
            case "PATH" -> path(value);
            case "LIST OF ANY?" -> "[" + String.join(", ", value.asList(v -> show(v))) + "]";
            case "MAP" -> properties(value.asMap(v -> show(v))).strip();
            default -> value.toString();
        };
    }

    static String properties(Map<String, String> map) {
        List<String> parts = new ArrayList<>();
        map.forEach((key, value) -> parts.add(key + ": " + value));
        return parts.isEmpty() ? "" : " {" + String.join(", ", parts) + "}";
    }

    static String path(Value value) {
        org.neo4j.driver.types.Path path = value.asPath();
        StringBuilder text = new StringBuilder(node(path.start()));
        for (org.neo4j.driver.types.Path.Segment step : path) {
            boolean along = step.start().elementId().equals(step.relationship().startNodeElementId());
            String middle = "[:" + step.relationship().type() + properties(step.relationship().asMap(v -> show(v))) + "]";
            text.append(along ? "-" + middle + "->" : "<-" + middle + "-").append(node(step.end()));
        }
        return text.toString();
    }

    static String node(org.neo4j.driver.types.Node node) {
        return "(:" + String.join(":", node.labels()) + properties(node.asMap(v -> show(v))) + ")";
    }

    static long hits(ProfiledPlan plan) {
        return plan.dbHits() + plan.children().stream().mapToLong(CypherShell::hits).sum();
    }

    static void plan(Plan plan, int depth) {
        String counts = plan instanceof ProfiledPlan profile ? " rows=" + profile.records() + " dbHits=" + profile.dbHits() : "";
        String details = plan.arguments().containsKey("Details") ? " " + plan.arguments().get("Details").asString() : "";
        System.out.println("  ".repeat(depth) + "+" + plan.operatorType() + details + counts);
        plan.children().forEach(child -> plan((Plan) child, depth + 1));
    }

    /** Splits lines into statements at semicolons outside quotes and comments. */
    static final class Splitter {
        private final StringBuilder current = new StringBuilder();
        private char quote;
        private boolean comment;

        boolean isEmpty() {
            return quote == 0 && !comment && current.toString().isBlank();
        }

        String rest() {
            return current.toString();
        }

        List<String> add(String line) {
            List<String> statements = new ArrayList<>();
            for (int i = 0; i < line.length(); i++) {
                char c = line.charAt(i), next = i + 1 < line.length() ? line.charAt(i + 1) : 0;
                if (comment) {
                    if (c == '*' && next == '/') {
                        comment = false;
                        i++;
                    }
                    continue;
                }
                if (quote != 0) {
                    if (c == '\\' && next != 0 && quote != '`') {
                        current.append(c);
                        c = next;
                        i++;
                    } else if (c == quote) {
                        quote = 0;
                    }
                } else if (c == '\'' || c == '"' || c == '`') {
                    quote = c;
                } else if (c == '/' && next == '/') {
                    break;
                } else if (c == '/' && next == '*') {
                    comment = true;
                    i++;
                    continue;
                } else if (c == ';') {
                    if (!current.toString().isBlank()) {
                        statements.add(current.toString());
                    }
                    current.setLength(0);
                    continue;
                }
                current.append(c);
            }
            if (!current.isEmpty()) {
                current.append('\n');
            }
            return statements;
        }
    }
}
