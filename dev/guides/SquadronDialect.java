/**
 * Tells Spark what Squadron's columns are: the JDBC driver says of every number that it has no sign, so that Spark makes
 * DECIMAL(20,0) of BIGINT and BIGINT of INTEGER, and Spark's own names for types are not all SQL's.
 *
 * <p>Compile it against Spark's jars and put it on the class path of driver and executors; see spark.md.
 */
import java.sql.Types;
import org.apache.spark.sql.jdbc.JdbcDialect;
import org.apache.spark.sql.jdbc.JdbcDialects;
import org.apache.spark.sql.jdbc.JdbcType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MetadataBuilder;
import scala.Option;

public final class SquadronDialect extends JdbcDialect {
    private static final long serialVersionUID = 1L;

    /** Once in the program that reads or writes. */
    public static void register() {
        JdbcDialects.registerDialect(new SquadronDialect());
    }

    @Override
    public boolean canHandle(String url) {
        return url.startsWith("jdbc:arrow-flight-sql:");
    }

    @Override
    public String quoteIdentifier(String column) {
        return '"' + column.replace("\"", "\"\"") + '"';
    }

    @Override
    public Option<DataType> getCatalystType(int sqlType, String typeName, int size, MetadataBuilder metadata) {
        return switch (sqlType) {
            case Types.BIGINT -> Option.apply(DataTypes.LongType);
            case Types.INTEGER -> Option.apply(DataTypes.IntegerType);
            case Types.SMALLINT -> Option.apply(DataTypes.ShortType);
            case Types.TINYINT -> Option.apply(DataTypes.ByteType);
            default -> Option.empty();
        };
    }

    @Override
    public Option<JdbcType> getJDBCType(DataType type) {
        if (type.equals(DataTypes.BooleanType)) return named("BOOLEAN", Types.BOOLEAN);
        if (type.equals(DataTypes.ByteType)) return named("TINYINT", Types.TINYINT);
        if (type.equals(DataTypes.ShortType)) return named("SMALLINT", Types.SMALLINT);
        if (type.equals(DataTypes.StringType)) return named("VARCHAR", Types.VARCHAR);
        if (type.equals(DataTypes.BinaryType)) return named("BYTEA", Types.VARBINARY);
        if (type.equals(DataTypes.DoubleType)) return named("DOUBLE", Types.DOUBLE);
        return Option.empty();
    }

    private static Option<JdbcType> named(String name, int type) {
        return Option.apply(new JdbcType(name, type));
    }
}
